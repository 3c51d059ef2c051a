import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** Tests whose processes compute with a real model: as many threads as the machine has cores, so one file at a time. */
const WITH_A_MODEL = [
  "local-node/src/engines/{embedded,on-demand}/*.test.ts",
  "local-node/src/engines/engine-contract.test.ts",
  "local-node/src/daemon/daemon.test.ts",
];

/** What takes a moment on a quiet machine may take long on a busy one: a limit is there to end what hangs. */
const PATIENT = { testTimeout: 60_000, hookTimeout: 60_000, expect: { poll: { timeout: 20_000 } } };

/**
 * Six kinds of test: `unit` (pure code and the daemon, in Node.js), `model` (the daemon's engine), `workerd` (Durable
 * Objects and D1 in the real runtime), `e2e` (the built gateway, the real daemon and the real model, as processes),
 * `conformance` (the suite that scores any gateway, held against ours) and `full` (those that take minutes:
 * `npm run test:full`).
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          ...PATIENT,
          include: ["{src,local-node/src,scripts,conformance}/**/*.test.ts"],
          exclude: ["**/*.workerd.test.ts", "**/node_modules/**", ...WITH_A_MODEL],
          // Most of them wait for sockets and processes, not for a core.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "model",
          ...PATIENT,
          include: WITH_A_MODEL,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
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
        test: { name: "workerd", ...PATIENT, include: ["src/**/*.workerd.test.ts"] },
      },
      {
        test: {
          name: "e2e",
          ...PATIENT,
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
