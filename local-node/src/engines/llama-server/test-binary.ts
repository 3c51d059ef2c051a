import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FAKE = fileURLToPath(new URL("./test-fake-server.ts", import.meta.url));

/** A `llama-server` for tests, in a folder of its own. */
export async function makeTestBinary(): Promise<{ path: string; folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "routelet-llama-server-"));
  const path = join(folder, "llama-server");
  await writeFile(path, `#!/bin/sh\nexec "${process.execPath}" "${FAKE}" "$@"\n`);
  await chmod(path, 0o755);
  return { path, folder, remove: () => rm(folder, { recursive: true }) };
}
