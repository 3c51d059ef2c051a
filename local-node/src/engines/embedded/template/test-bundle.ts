import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { getLlama, type Llama } from "node-llama-cpp";

const run = promisify(execFile);
const MAX_BYTES = 64 * 1024 * 1024;

/** Files of llama.cpp's sources, which the bindings bring along as a git bundle. */
export interface TestBundle {
  /** Names of the chat templates in it, without their ending. */
  templates: string[];
  template(name: string): Promise<string>;
  file(path: string): Promise<Buffer>;
  close(): Promise<void>;
}

export async function openTestBundle(): Promise<TestBundle> {
  const installed = createRequire(import.meta.url).resolve("node-llama-cpp");
  const bundle = join(installed, "..", "..", "llama", "gitRelease.bundle");
  const folder = await mkdtemp(join(tmpdir(), "llama-bundle-"));
  await run("git", ["clone", "--quiet", "--bare", bundle, folder]);
  const git = async (...args: string[]): Promise<Buffer> =>
    (await run("git", ["-C", folder, ...args], { encoding: "buffer", maxBuffer: MAX_BYTES })).stdout;
  const listed = (await git("ls-tree", "--name-only", "HEAD", "models/templates/")).toString();
  return {
    templates: [...listed.matchAll(/^models\/templates\/(.+)\.jinja$/gm)].map((match) => String(match[1])),
    template: async (name) => (await git("show", `HEAD:models/templates/${name}.jinja`)).toString(),
    file: (path) => git("show", `HEAD:${path}`),
    close: () => rm(folder, { recursive: true }),
  };
}

/** The bindings without a model, for what needs llama.cpp's own code. */
export function testLlama(): Promise<Llama> {
  return getLlama({ gpu: false, build: "never", skipDownload: true, progressLogs: false, logger: () => {} });
}
