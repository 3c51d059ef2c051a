import { spawnSync } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// Before `npm pack` and `npm publish`: the daemon and what it shares with the gateway as plain JavaScript in dist/,
// since Node.js strips no types inside node_modules.

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
rmSync(join(here, "dist"), { recursive: true, force: true });
copyFileSync(join(here, "..", "LICENSE"), join(here, "LICENSE"));
const tsc = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");
const { status } = spawnSync(process.execPath, [tsc, "-p", join(here, "tsconfig.pack.json")], {
  stdio: ["ignore", 2, 2],
});
process.exit(status ?? 1);
