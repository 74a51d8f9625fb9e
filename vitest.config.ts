import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    // Vite would hand our sources graphql's .mjs files while the packages in node_modules load its .js ones: two
    // graphql packages in one process, which do not know each other's errors.
    alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/vm/**', 'test/limits/**'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
