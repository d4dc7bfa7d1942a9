src/routes/users.js
