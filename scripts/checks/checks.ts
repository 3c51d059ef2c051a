import { checkLockfile } from "./lockfile.ts";
import type { Check } from "./step.ts";
import { checkTrackedFiles } from "./tracked-files.ts";

/** What holds for the code without running it; the longest first, since two run at a time. */
export const CHECKS: readonly Check[] = [
  { name: "types of the gateway", tool: "tsc", args: ["-p", "tsconfig.json"] },
  { name: "types of the daemon", tool: "tsc", args: ["-p", "local-node/tsconfig.json"] },
  { name: "types of tests, scripts and benchmarks", tool: "tsc", args: ["-p", "test/tsconfig.json"] },
  {
    name: "direction of imports",
    tool: "depcruise",
    args: [
      "src",
      "local-node/src",
      "scripts",
      "test",
      "bench",
      "conformance",
      "--config",
      ".dependency-cruiser.cjs",
    ],
  },
  { name: "unused exports, files and packages", tool: "knip", args: ["--no-progress"] },
  { name: "lint and format", tool: "biome", args: ["check", "."] },
  { name: "lockfile works on every platform", find: checkLockfile },
  { name: "no machine paths or registry hosts", find: checkTrackedFiles },
];
