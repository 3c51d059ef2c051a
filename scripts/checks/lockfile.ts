import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type LockPackages, missingPlatformPackages } from "../lockfile/platform-packages.ts";
import { ROOT } from "../paths.ts";

/** `npm ci` refuses a lockfile that lacks other platforms' packages, and then nothing starts from a fresh clone. */
export function checkLockfile(): string[] {
  const lock = JSON.parse(readFileSync(resolve(ROOT, "package-lock.json"), "utf8")) as {
    packages: LockPackages;
  };
  return Object.keys(missingPlatformPackages(lock.packages)).map(
    (path) => `package-lock.json lacks ${path}: run \`npm run lockfile\``,
  );
}
