import { createEmbeddedEngine, type EmbeddedEngine } from "../../local-node/src/engines/embedded/embedded.ts";
import type { EnginePhases } from "../../local-node/src/engines/engine.ts";
import { serveParent } from "../lib/child.ts";

// The embedded engine, asked as the node's serving layer asks it: no HTTP before it.

export interface EngineOpen {
  id: string;
  path: string;
  sha256: string;
  sequences: number;
  contextTokens: number;
  prefixes?: { folder: string; maxBytes: number };
}

export type EngineJob =
  | { open: EngineOpen }
  /** Calls at once. */
  | { bodies: object[] }
  | { close: true };

export interface EngineOpened {
  /** Threads that it decodes with. */
  threads: number;
}

export interface EngineResult {
  elapsedMs: number;
  calls: { promptTokens: number; cachedTokens: number; tokens: number; firstTokenMs: number }[];
}

let engine: EmbeddedEngine | null = null;

async function call(running: EmbeddedEngine, body: object): Promise<EngineResult["calls"][number]> {
  const phases: EnginePhases = {};
  const startedAt = performance.now();
  const model = running.models()[0]?.id ?? "";
  const answer = await running.handle({
    method: "POST",
    path: "/v1/chat/completions",
    headers: {},
    body: new TextEncoder().encode(JSON.stringify({ model, stream: true, ...body })),
    deadlineMs: 600_000,
    signal: new AbortController().signal,
    model,
    phases,
  });
  // The head of a stream comes with its first token.
  const firstTokenMs = performance.now() - startedAt;
  for await (const _ of answer.body);
  return {
    promptTokens: phases.promptTokens ?? 0,
    cachedTokens: phases.reusedTokens ?? 0,
    tokens: phases.completionTokens ?? 0,
    firstTokenMs,
  };
}

serveParent(async (job: EngineJob): Promise<EngineOpened | EngineResult | null> => {
  if ("open" in job) {
    const { id, path, sha256, ...options } = job.open;
    engine = await createEmbeddedEngine({
      modelId: id,
      modelPath: path,
      fileSha256: sha256,
      quantisation: null,
      ...options,
    });
    return { threads: engine.runtime()?.threads.base ?? 1 };
  }
  const running = engine;
  if (running === null) throw new Error("the engine is not open");
  if ("close" in job) {
    await running.close();
    return null;
  }
  const startedAt = performance.now();
  const calls = await Promise.all(job.bodies.map((body) => call(running, body)));
  return { elapsedMs: performance.now() - startedAt, calls };
});
