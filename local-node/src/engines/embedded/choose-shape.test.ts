import { describe, expect, test } from "vitest";
import { doesNotFit } from "./admit-alone.ts";
import { chooseShape } from "./choose-shape.ts";
import type { LoadPlan, LoadShape } from "./ipc.ts";

const GB = 1e9;

/** A model of 3 GB with 0.1 GB per 1,024 tokens of context, as `planLoad` lists its shapes. */
function plan(options: {
  gpu: boolean;
  shared?: boolean;
  contexts?: number[];
  sequences?: number[];
}): LoadPlan {
  const shapes: LoadShape[] = [];
  for (const onGpu of options.gpu ? [true, false] : [false]) {
    const contexts =
      options.contexts ?? (onGpu ? [32_768, 16_384, 8_192, 4_096, 2_048] : [8_192, 4_096, 2_048]);
    for (const contextTokens of contexts) {
      for (const sequences of options.sequences ?? (onGpu ? [8, 4, 2, 1] : [2, 1])) {
        const bytes = 3 * GB + (contextTokens / 1024) * sequences * 0.1 * GB;
        shapes.push({
          onGpu,
          contextTokens,
          sequences,
          ramBytes: onGpu ? 0.2 * GB : bytes,
          vramBytes: onGpu ? bytes : 0,
        });
      }
    }
  }
  const gpu = {
    backend: "cuda",
    totalBytes: 24 * GB,
    freeBytes: 24 * GB,
    sharesHostMemory: options.shared ?? false,
  };
  return { gpu: options.gpu ? gpu : null, shapes };
}

/** Gigabytes: free memory, free on the GPU, and what other models would give back of each. */
function room(ram: number, vram: number, reclaimable: [ram: number, vram: number] = [0, 0]) {
  return {
    free: { ramBytes: ram * GB, vramBytes: vram * GB },
    reclaimable: { ramBytes: reclaimable[0] * GB, vramBytes: reclaimable[1] * GB },
  };
}

function shown(shape: LoadShape | null): string | null {
  return shape && `${shape.onGpu ? "gpu" : "cpu"} ${shape.contextTokens} x ${shape.sequences}`;
}

describe("the shape of a model", () => {
  const rows: [string, LoadPlan, ReturnType<typeof room>, string | null][] = [
    ["all that it can have", plan({ gpu: false }), room(20, 0), "cpu 8192 x 2"],
    ["fewer calls at once before a shorter context", plan({ gpu: false }), room(4, 0), "cpu 8192 x 1"],
    ["a shorter context where nothing else helps", plan({ gpu: false }), room(3.3, 0), "cpu 2048 x 1"],
    ["nothing below its weights", plan({ gpu: false }), room(3, 0), null],
    ["a large GPU: more calls, and a long context", plan({ gpu: true }), room(60, 80), "gpu 32768 x 8"],
    [
      "a long context takes no more than half of what is free",
      plan({ gpu: true }),
      room(60, 24),
      "gpu 16384 x 4",
    ],
    ["a GPU that just holds it", plan({ gpu: true }), room(60, 4), "gpu 8192 x 1"],
    ["a GPU that is too small: the host", plan({ gpu: true }), room(60, 3), "cpu 8192 x 2"],
    [
      "a GPU without memory of its own takes the host's",
      plan({ gpu: true, shared: true }),
      room(5, 60),
      "gpu 8192 x 2",
    ],
    ["others are unloaded for its weights", plan({ gpu: false }), room(2, 0, [10, 0]), "cpu 8192 x 2"],
    ["others are unloaded for the GPU", plan({ gpu: true }), room(60, 2, [0, 4]), "gpu 8192 x 2"],
    ["others are unloaded for a whole context", plan({ gpu: false }), room(3.3, 0, [10, 0]), "cpu 8192 x 2"],
    ["but not for more calls at once", plan({ gpu: false }), room(4, 0, [10, 0]), "cpu 8192 x 1"],
    [
      "what the configuration wants, or nothing",
      plan({ gpu: false, contexts: [32_768], sequences: [4] }),
      room(14, 0),
      null,
    ],
    [
      "a long context that is wanted may take all",
      plan({ gpu: true, contexts: [32_768], sequences: [4] }),
      room(60, 16),
      "gpu 32768 x 4",
    ],
  ];
  test.each(rows)("%s", (_name, planned, memory, expected) => {
    expect(shown(chooseShape(planned, memory))).toBe(expected);
  });
});

test("what does not fit is explained with both sides of the sum", () => {
  const message = doesNotFit("big-9b", plan({ gpu: true }), room(2, 3)).message;
  expect(message).toMatch(
    /^big-9b needs 3\.2 GB even for one call of 2048 tokens at once, and this machine has 2\.0 GB/,
  );
  expect(message).toMatch(/3\.0 GB on its GPU \(cuda\)\. Choose a smaller model/);
});
