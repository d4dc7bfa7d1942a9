scripts/seed.sql
