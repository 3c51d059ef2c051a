import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { installState, withoutSecrets } from "./install.mjs";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "routelet-install-"));
});
afterEach(() => rmSync(root, { recursive: true }));

type Packages = Record<string, { version?: string; optional?: boolean; link?: boolean }>;

function write(path: string, packages: Packages): void {
  writeFileSync(join(root, path), JSON.stringify({ packages }));
}

function installed(packages: Packages): void {
  mkdirSync(join(root, "node_modules"));
  write("node_modules/.package-lock.json", packages);
}

const LOCK: Packages = {
  "": {},
  "node_modules/a": { version: "1.0.0" },
  "node_modules/own": { link: true },
  "node_modules/other-platform": { version: "2.0.0", optional: true },
};

test("a fresh clone needs an installation", () => {
  write("package-lock.json", LOCK);
  expect(installState(root)).toEqual({ needed: true, reason: "first start" });
});

test("packages installed by hand count, without those of other platforms, and are stamped", () => {
  write("package-lock.json", LOCK);
  installed({ "node_modules/a": { version: "1.0.0" }, "node_modules/extra": { version: "9.0.0" } });
  expect(installState(root)).toEqual({ needed: false });
  expect(readFileSync(join(root, "node_modules/.routelet-install"), "utf8")).toContain(process.platform);
});

test("a lockfile that has changed since needs a new installation, in spite of the stamp", () => {
  write("package-lock.json", LOCK);
  installed({ "node_modules/a": { version: "1.0.0" } });
  installState(root);
  write("package-lock.json", { ...LOCK, "node_modules/a": { version: "1.0.1" } });
  expect(installState(root)).toEqual({ needed: true, reason: "package-lock.json has changed" });
});

test("an installation that was broken off needs another: npm writes its record last", () => {
  write("package-lock.json", LOCK);
  mkdirSync(join(root, "node_modules"));
  expect(installState(root)).toMatchObject({ needed: true });
});

test("a missing package needs an installation", () => {
  write("package-lock.json", { ...LOCK, "node_modules/b": { version: "1.0.0" } });
  installed({ "node_modules/a": { version: "1.0.0" } });
  expect(installState(root)).toMatchObject({ needed: true });
});

test("threat: a package's own install script reads no token and no key", () => {
  const env = { PATH: "/bin", ROUTELET_JOIN_TOKEN: "t", OPENAI_API_KEY: "k", npm_config_registry: "r" };
  expect(withoutSecrets(env)).toEqual({ PATH: "/bin", npm_config_registry: "r" });
});
