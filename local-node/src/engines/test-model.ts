/**
 * Path of the real model that tests run: SmolLM2-135M-Instruct as GGUF. Rejects, with what to do, where it is not
 * there: a test with the real model never passes without it.
 */
export async function testModelPath(): Promise<string> {
  const path = process.env.ROUTELET_TEST_MODEL;
  if (path !== undefined && path !== "") return path;
  throw new Error("Set ROUTELET_TEST_MODEL to the path of the SmolLM2-135M-Instruct GGUF file.");
}
