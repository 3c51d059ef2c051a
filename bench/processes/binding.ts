import { getLlama, type LlamaContextSequence, LlamaLogLevel, type LlamaModel } from "node-llama-cpp";
import { serveParent } from "../lib/child.ts";

// node-llama-cpp by its public interface and nothing around it: what `engine` compares with.

export interface BindingOpen {
  path: string;
  sequences: number;
  contextTokens: number;
  threads: number;
}

/** One prompt for each stream; control tokens in it count. */
export interface BindingRun {
  prompts: string[];
  maxTokens: number;
  sampling: { temperature: number; topK?: number; topP?: number; seed?: number };
}

export interface BindingResult {
  elapsedMs: number;
  calls: { promptTokens: number; tokens: number; firstTokenMs: number }[];
}

let model: LlamaModel | null = null;
let sequences: LlamaContextSequence[] = [];

async function run(
  running: LlamaModel,
  sequence: LlamaContextSequence,
  prompt: string,
  { maxTokens, sampling }: BindingRun,
): Promise<BindingResult["calls"][number]> {
  const startedAt = performance.now();
  let firstTokenMs = 0;
  let tokens = 0;
  let text = "";
  await sequence.clearHistory();
  const input = running.tokenize(prompt, true);
  for await (const token of sequence.evaluate(input, sampling)) {
    if (tokens === 0) firstTokenMs = performance.now() - startedAt;
    text += running.detokenize([token]);
    tokens += 1;
    if (tokens === maxTokens) break;
  }
  if (text === "") throw new Error("the binding gave no text");
  return { promptTokens: input.length, tokens, firstTokenMs };
}

serveParent(async (job: BindingOpen | BindingRun): Promise<BindingResult | null> => {
  if ("path" in job) {
    const llama = await getLlama({
      gpu: "auto",
      build: "never",
      skipDownload: true,
      progressLogs: false,
      maxThreads: job.threads,
      logLevel: LlamaLogLevel.error,
    });
    model = await llama.loadModel({ modelPath: job.path });
    const context = await model.createContext({
      sequences: job.sequences,
      contextSize: job.contextTokens,
      threads: job.threads,
    });
    sequences = Array.from({ length: job.sequences }, () => context.getSequence());
    return null;
  }
  const running = model;
  if (running === null) throw new Error("no model is open");
  const startedAt = performance.now();
  const calls = await Promise.all(
    job.prompts.map((prompt, index) => {
      const sequence = sequences[index];
      if (sequence === undefined) throw new Error("more prompts than sequences");
      return run(running, sequence, prompt, job);
    }),
  );
  return { elapsedMs: performance.now() - startedAt, calls };
});
