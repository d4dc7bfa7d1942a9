apps/web/src/main.ts
