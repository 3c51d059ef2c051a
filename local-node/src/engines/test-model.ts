import { starterModelPath } from "../models/starter-model.ts";

/** Path of the real model that tests run: `ROUTELET_TEST_MODEL`, else the starter model, fetched once into the cache. */
export async function testModelPath(): Promise<string> {
  return process.env.ROUTELET_TEST_MODEL || (await starterModelPath());
}
