import { homedir } from "node:os";
import { posix, win32 } from "node:path";

/**
 * Where fetched models live: `ROUTELET_CACHE`, else the user's cache folder of the platform. Not in the state
 * folder: models are large, belong to no deployment, and are shared by every checkout on the machine.
 */
export function modelCacheFolder(
  env: Record<string, string | undefined>,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  if (env.ROUTELET_CACHE) return env.ROUTELET_CACHE;
  if (platform === "win32") {
    return win32.join(env.LOCALAPPDATA || win32.join(home, "AppData", "Local"), "routelet", "models");
  }
  if (platform === "darwin") return posix.join(home, "Library", "Caches", "routelet", "models");
  return posix.join(env.XDG_CACHE_HOME || posix.join(home, ".cache"), "routelet", "models");
}
