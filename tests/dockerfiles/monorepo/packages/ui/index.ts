packages/ui/index.ts
