import { createEmbeddedEngine } from "../local-node/src/engines/embedded/embedded.ts";
import { residentBytes } from "../local-node/src/hardware/process-memory.ts";
import { starterModel } from "../local-node/src/models/starter-model.ts";
import type { Benchmark, Measured } from "./lib/report.ts";

const CONTEXTS = [2_048, 8_192];
const SEQUENCES = [1, 2];
const CACHE_TYPES = ["F16", "Q8_0"] as const;

/** Longer than a batch, so that every buffer of the engine's is used. */
const PROMPT = "The quick brown fox jumps over the lazy dog. ".repeat(50);

/** Error of the estimate in percent, of a process in which each of its calls at once has run: what is too little is above 0. */
async function errorOf(options: {
  contextTokens: number;
  sequences: number;
  cacheType: (typeof CACHE_TYPES)[number];
}): Promise<number> {
  const { path, sha256, quantisation = null } = await starterModel();
  const engine = await createEmbeddedEngine({
    modelId: "starter",
    modelPath: path,
    fileSha256: sha256,
    quantisation,
    gpu: false,
    ...options,
  });
  try {
    const runtime = engine.runtime();
    if (runtime === null) throw new Error("The model is not loaded.");
    const calls = Array.from({ length: options.sequences }, async (_, index) => {
      const messages = [{ role: "user", content: `${index} ${PROMPT}` }];
      const body = { model: "starter", messages, max_tokens: 4, temperature: 1 };
      const response = await engine.handle({
        method: "POST",
        path: "/v1/chat/completions",
        headers: {},
        body: new TextEncoder().encode(JSON.stringify(body)),
        deadlineMs: 600_000,
        signal: new AbortController().signal,
        model: "starter",
        phases: {},
      });
      for await (const _chunk of response.body);
    });
    await Promise.all(calls);
    const resident = await residentBytes([runtime.pid]);
    if (resident === null) throw new Error("This system does not tell what a process holds.");
    return (resident / runtime.shape.ramBytes - 1) * 100;
  } finally {
    await engine.close();
  }
}

async function run(): Promise<Measured> {
  const figures: Record<string, number> = {};
  let worst = 0;
  for (const cacheType of CACHE_TYPES) {
    for (const contextTokens of CONTEXTS) {
      for (const sequences of SEQUENCES) {
        const error = await errorOf({ contextTokens, sequences, cacheType });
        figures[`error_percent_${contextTokens}x${sequences}_${cacheType.toLowerCase()}`] =
          Math.round(error * 10) / 10;
        worst = Math.max(worst, Math.abs(error));
      }
    }
  }
  return {
    conditions: {
      model: "the starter, on the CPU",
      measured: "resident memory of the model's process after a call on each sequence, over its estimate",
    },
    figures: { error_percent_worst: Math.round(worst * 10) / 10, ...figures },
  };
}

export const fit: Benchmark = {
  about: "the estimate of a model's memory before it is loaded, against its process",
  run,
};
