import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/**
 * Five kinds of test: `unit` (pure code and the daemon, in Node.js), `workerd` (Durable Objects and D1 in the real
 * runtime), `e2e` (the built gateway, the real daemon and the real model, as processes), `conformance` (the suite that
 * scores any gateway, held against ours) and `full` (those that take minutes: `npm run test:full`).
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{src,local-node/src,scripts,conformance}/**/*.test.ts"],
          exclude: ["**/*.workerd.test.ts", "**/node_modules/**"],
        },
      },
      {
        plugins: [
          cloudflareTest({
            main: "./src/worker.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                ROUTELET_SECRET: "test-secret-test-secret-test-secret-0001",
                ROUTELET_ADMIN_KEY: "admin-key-for-tests",
                ROUTELET_API_KEY: "api-key-for-tests",
                TEST_MIGRATIONS: await readD1Migrations("./migrations"),
              },
            },
          }),
        ],
        test: { name: "workerd", include: ["src/**/*.workerd.test.ts"] },
      },
      {
        test: {
          name: "e2e",
          include: ["test/**/*.test.ts"],
          exclude: ["test/full/**", "test/conformance.test.ts", "**/node_modules/**"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "conformance",
          include: ["test/conformance.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: "full",
          include: ["test/full/**/*.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
