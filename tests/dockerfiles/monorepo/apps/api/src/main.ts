apps/api/src/main.ts
