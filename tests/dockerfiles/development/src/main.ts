src/main.ts
