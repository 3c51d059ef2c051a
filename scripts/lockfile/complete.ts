import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { ROOT } from "../paths.ts";
import { type LockPackages, missingPlatformPackages } from "./platform-packages.ts";

// `npm run lockfile`, after every `npm install`: adds what `npm ci` needs and removes where packages came from.

const path = resolve(ROOT, "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8")) as { packages: LockPackages };
const missing = missingPlatformPackages(lock.packages);
const packages = { ...lock.packages, ...missing };
for (const entry of Object.values(packages)) if (entry.resolved?.includes("://")) delete entry.resolved;
const sorted = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`);
process.stdout.write(`package-lock.json: ${Object.keys(missing).length} packages of other platforms added\n`);
