test/users.test.js
