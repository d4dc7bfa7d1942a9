a/index.js
