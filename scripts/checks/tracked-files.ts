import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { ROOT } from "../paths.ts";

const BINARY = /\.(png|jpg|gif|ico|woff2?|gguf|bin|pb|gz|whl)$/;

/** Host names of package registries, by their form: this file names none, since it is searched as well. */
const REGISTRY = /\b(?:registry\.[a-z]+|files\.python[a-z]+|py[p]i)\.(?:org|com)\b/;

/** Folders of people and of checkouts; `owner`, `me` and `user` are nobody, for examples. */
const MACHINE_PATH = /(?<![\w.~-])\/(?:(?:home|Users)\/(?!(?:owner|me|user)\b)|root\/|work\/)[\w.-]+/;

const FORBIDDEN: { pattern: RegExp; why: string }[] = [
  { pattern: MACHINE_PATH, why: "a path of one machine" },
  {
    pattern: REGISTRY,
    why: "the host of a package registry: packages come from wherever the user's client is set to",
  },
  { pattern: /"resolved": "\w+:\/\//, why: "where a package came from (run `npm run lockfile`)" },
];

/** Says what a file contains that belongs to one machine or one registry. */
export function findForbidden(file: { path: string; text: string }): string[] {
  return file.text
    .split("\n")
    .flatMap((line, index) =>
      FORBIDDEN.filter(({ pattern }) => pattern.test(line)).map(
        ({ why }) => `${file.path}:${index + 1}: ${why}`,
      ),
    );
}

/** Searches every file that is in version control. */
export function checkTrackedFiles(): string[] {
  const listed = execFileSync("git", ["ls-files", "-z"], {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
  return listed
    .split("\0")
    .filter((path) => path !== "" && !BINARY.test(path))
    .flatMap((path) => {
      const text = readIfThere(resolve(ROOT, path));
      return text === undefined ? [] : findForbidden({ path, text });
    });
}

/** A tracked file may be deleted in the working tree. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
