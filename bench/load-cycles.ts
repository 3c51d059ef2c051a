import { capabilitiesOf, createEmbeddedEngine } from "../local-node/src/engines/embedded/embedded.ts";
import { createMemoryKeeper } from "../local-node/src/engines/on-demand/memory-keeper.ts";
import { createOnDemandEngine } from "../local-node/src/engines/on-demand/on-demand.ts";
import { starterModel } from "../local-node/src/models/starter-model.ts";
import type { Benchmark, Measured } from "./lib/report.ts";

const CYCLES = 10;
/** One of the two fits. */
const LIMIT_BYTES = 600e6;

/** Resident memory of this process in MB. */
function resident(): number {
  return process.memoryUsage().rss / 1e6;
}

async function run(): Promise<Measured> {
  const { path, sha256, quantisation = null } = await starterModel();
  const keeper = createMemoryKeeper({ log: () => {}, limitBytes: LIMIT_BYTES });
  const [one, two] = (["one", "two"] as const).map((id) =>
    createOnDemandEngine({
      model: {
        id,
        engine: "embedded",
        loaded: false,
        fileSha256: sha256,
        quantisation,
        contextTokens: null,
        capabilities: capabilitiesOf("chat"),
        tokensPerSecond: null,
      },
      keeper,
      keepWarm: false,
      idleMs: 600_000,
      log: () => {},
      open: (memory) =>
        createEmbeddedEngine({
          modelId: id,
          modelPath: path,
          fileSha256: sha256,
          quantisation,
          sequences: 1,
          contextTokens: 2048,
          memory,
        }),
    }),
  );
  if (one === undefined || two === undefined) throw new Error("two models are needed");
  const samples: number[] = [];
  try {
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      // Each takes the memory of the other, whose process ends.
      await one.prepare();
      await two.prepare();
      samples.push(resident());
    }
  } finally {
    await Promise.all([one.close(), two.close()]);
  }
  const rounded = (value: number): number => Math.round(value * 100) / 100;
  const second = samples[1] ?? 0;
  const last = samples.at(-1) ?? 0;
  return {
    conditions: {
      cycles: `${CYCLES} of two models that unload each other`,
      measured:
        "resident memory of the process that supervises, after each cycle; growth from the second to the last",
    },
    figures: {
      supervisor_mb_first: rounded(samples[0] ?? 0),
      supervisor_mb_second: rounded(second),
      supervisor_mb_last: rounded(last),
      growth_percent: rounded((last / second - 1) * 100),
    },
  };
}

export const loadCycles: Benchmark = {
  about: "memory of the supervising process over ten loads and unloads of two models",
  run,
};
