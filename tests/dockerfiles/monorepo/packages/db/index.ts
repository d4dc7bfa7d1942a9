packages/db/index.ts
