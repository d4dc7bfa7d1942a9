migrations/1.sql
