import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

/** Where the owner's `llama-server` is: the configured path, else the first on PATH; null: nowhere. */
export async function findLlamaServer(options: {
  configured?: string;
  env: Record<string, string | undefined>;
  platform?: NodeJS.Platform;
}): Promise<string | null> {
  const { configured } = options;
  if (configured !== undefined) return (await isExecutable(configured)) ? configured : null;
  const name = (options.platform ?? process.platform) === "win32" ? "llama-server.exe" : "llama-server";
  const folders = (options.env.PATH ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  for (const folder of folders) {
    const path = join(folder, name);
    if (await isExecutable(path)) return path;
  }
  return null;
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
