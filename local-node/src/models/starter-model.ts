import { modelCacheFolder } from "./cache-folder.ts";
import { starterEntry } from "./catalogue.ts";
import { type EnsuredModel, ensureModel } from "./ensure-model.ts";
import { createNetwork } from "./network.ts";

/**
 * The starter model in the user's cache, fetched at the first call. For tests and benchmarks that need a real
 * model: they all share one copy.
 * @throws {ModelError}
 */
export async function starterModel(
  options: { env?: Record<string, string | undefined> } = {},
): Promise<EnsuredModel> {
  const env = options.env ?? process.env;
  const network = createNetwork(env);
  try {
    return await ensureModel({
      reference: starterEntry().id,
      cacheDir: modelCacheFolder(env),
      fetch: network.fetch,
      env,
    });
  } finally {
    await network.close();
  }
}

/** Only the path of `starterModel`. */
export async function starterModelPath(): Promise<string> {
  return (await starterModel()).path;
}
