tests/e2e.ts
