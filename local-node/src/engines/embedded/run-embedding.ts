import { NO_USAGE } from "../chat-output.ts";
import type { ParentMessage } from "./ipc.ts";
import type { Embedder } from "./load-embedder.ts";
import type { CallControl } from "./run-generation.ts";

/** Makes the vectors of one call, one after another; ends between two when the caller left. */
export async function runEmbedding(
  embedder: Embedder,
  { id, request }: Extract<ParentMessage, { type: "embed" }>,
  { signal, send }: CallControl,
): Promise<void> {
  const receivedAt = performance.now();
  const elapsedUs = (): number => Math.round((performance.now() - receivedAt) * 1000);
  const inputs = embedder.prepare(request.inputs, request.dimensions);
  const usage = { ...NO_USAGE, promptTokens: inputs.reduce((sum, { tokens }) => sum + tokens, 0) };
  send({ type: "prefill", id, usage, prefillStartUs: elapsedUs() });
  for (const input of inputs) {
    if (signal.aborted) break;
    const vector = await input.vector();
    const bytes = Buffer.alloc(vector.length * 4);
    vector.forEach((value, index) => void bytes.writeFloatLE(value, index * 4));
    send({ type: "vector", id, base64: bytes.toString("base64") });
  }
  send({ type: "end", id, cancelled: signal.aborted, usage, confidence: null, endUs: elapsedUs() });
}
