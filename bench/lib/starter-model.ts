import { type CachedModel, listCached } from "../../local-node/src/models/cache.ts";
import { modelCacheFolder } from "../../local-node/src/models/cache-folder.ts";
import { starterEntry } from "../../local-node/src/models/catalogue.ts";

/**
 * The starter model in the user's cache: a benchmark fetches nothing.
 * @throws when it is not there: says how to fetch it.
 */
export async function starterModel(): Promise<CachedModel> {
  const { id } = starterEntry();
  const cached = (await listCached(modelCacheFolder(process.env))).find((model) => model.id === id);
  if (cached === undefined)
    throw new Error(`The cache has no ${id}; \`npm run node -- models pull ${id}\` fetches it.`);
  return cached;
}
