import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listCached } from "../local-node/src/models/cache.ts";
import { modelCacheFolder } from "../local-node/src/models/cache-folder.ts";
import { starterEntry } from "../local-node/src/models/catalogue.ts";
import { type Child, startChild } from "./lib/child.ts";
import { findLlamaServer, startLlamaServer } from "./lib/llama-server.ts";
import type { Benchmark, Measured } from "./lib/report.ts";
import { median, rounded } from "./lib/stats.ts";
import type { BindingResult, BindingRun } from "./processes/binding.ts";
import type { EngineJob, EngineOpened, EngineResult } from "./processes/engine.ts";
import type { StreamsJob, StreamsResult } from "./processes/streams.ts";

const ROUNDS = 5;
const PREFIX_ROUNDS = 3;
const TOKENS = 128;
const STREAMS = [1, 8];
const CONTEXT_TOKENS = 2048;
const PREFIX_TOKENS = 1_000;
const SAMPLED = { temperature: 0.8, topK: 40, topP: 0.95, seed: 7 };
const QUESTION = "Tell me a long story about a lighthouse and the people who keep it.";
/** JSON without an end, so that both sides write as many tokens. */
const GRAMMAR = `root ::= "{\\"story\\": [" text ("," space text){40,} "]}"
text ::= "\\"" [A-Za-z ,.'-]{8,80} "\\""
space ::= " "?`;

/** Prompts that nobody has seen: nothing of one is reused for another. */
let prompts = 0;
const freshSystem = (): string => `Call ${++prompts} of ${process.pid}. You tell stories.`;

const chat = (system: string, extra: object) => ({
  messages: [
    { role: "system", content: system },
    { role: "user", content: QUESTION },
  ],
  max_tokens: TOKENS,
  ...extra,
});
/** The same, as the starter model's template renders it. */
const rendered = (system: string): string =>
  `<|im_start|>system\n${system}<|im_end|>\n<|im_start|>user\n${QUESTION}<|im_end|>\n<|im_start|>assistant\n`;

const tokensPerSecond = ({ elapsedMs, calls }: BindingResult | EngineResult): number =>
  (calls.reduce((sum, { tokens }) => sum + tokens, 0) / elapsedMs) * 1_000;

/** Runs both in turn, each first in every other round: what drifts on the machine meets both alike. */
async function inTurn<A, B>(
  rounds: number,
  first: () => Promise<A>,
  second: () => Promise<B>,
): Promise<[A, B][]> {
  const pairs: [A, B][] = [];
  // The first round warms both up.
  for (let round = 0; round <= rounds; round += 1) {
    let pair: [A, B];
    if (round % 2 === 0) pair = [await first(), await second()];
    else {
      const other = await second();
      pair = [await first(), other];
    }
    if (round > 0) pairs.push(pair);
  }
  return pairs;
}

async function againstBinding(engine: Child, binding: Child): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  const ways = [
    { suffix: "", ours: { temperature: 0 }, theirs: { temperature: 0 } },
    {
      suffix: "_sampled",
      ours: {
        temperature: SAMPLED.temperature,
        top_k: SAMPLED.topK,
        top_p: SAMPLED.topP,
        seed: SAMPLED.seed,
      },
      theirs: SAMPLED,
    },
  ];
  for (const streams of STREAMS) {
    for (const { suffix, ours, theirs } of ways) {
      const systems = (): string[] => Array.from({ length: streams }, freshSystem);
      const pairs = await inTurn(
        ROUNDS,
        () =>
          engine.ask<EngineResult>({
            bodies: systems().map((system) => chat(system, ours)),
          } satisfies EngineJob),
        () =>
          binding.ask<BindingResult>({
            prompts: systems().map(rendered),
            maxTokens: TOKENS,
            sampling: theirs,
          } satisfies BindingRun),
      );
      for (const [mine, other] of pairs) {
        const tokens = (calls: { promptTokens: number }[]) => calls.map(({ promptTokens }) => promptTokens);
        const [a = 0, b = 0] = [tokens(mine.calls)[0], tokens(other.calls)[0]];
        if (Math.abs(a - b) > 2) throw new Error(`the prompts differ: ${a} tokens and ${b}`);
      }
      const of = (pick: (pair: [EngineResult, BindingResult]) => number): number => median(pairs.map(pick));
      figures[`tokens_ratio_${streams}${suffix}`] = rounded(
        of(([mine, other]) => tokensPerSecond(mine) / tokensPerSecond(other)),
      );
      figures[`tokens_per_s_${streams}${suffix}`] = rounded(
        of(([mine]) => tokensPerSecond(mine)),
        1,
      );
      figures[`binding_tokens_per_s_${streams}${suffix}`] = rounded(
        of(([, other]) => tokensPerSecond(other)),
        1,
      );
      process.stderr.write(`${streams} streams${suffix}: done\n`);
    }
  }
  return figures;
}

/** What grammar and log-probabilities cost, each against free generation without, on one stream. */
async function constrained(engine: Child): Promise<Record<string, number>> {
  const run = (extra: object) => () =>
    engine.ask<EngineResult>({
      bodies: [chat(freshSystem(), { temperature: 0, ...extra })],
    } satisfies EngineJob);
  const logprobs = { logprobs: true, top_logprobs: 5 };
  const figures: Record<string, number> = {};
  for (const [name, extra] of [
    ["grammar_ratio", { grammar: GRAMMAR }],
    ["logprobs_ratio", logprobs],
    ["grammar_logprobs_ratio", { grammar: GRAMMAR, ...logprobs }],
    ["grammar_logprobs_ratio_sampled", { grammar: GRAMMAR, ...logprobs, temperature: 0.8 }],
  ] as const) {
    const pairs = await inTurn(ROUNDS, run(extra), run({}));
    figures[name] = rounded(
      median(pairs.map(([mine, free]) => tokensPerSecond(mine) / tokensPerSecond(free))),
    );
    process.stderr.write(`${name}: done\n`);
  }
  return figures;
}

/** First tokens of calls that share a prefix with an earlier one, against those that share none. */
async function sharedPrefix(path: {
  id: string;
  path: string;
  sha256: string;
}): Promise<Record<string, number>> {
  const engine = startChild("engine");
  const folder = await mkdtemp(join(tmpdir(), "bench-prompts-"));
  const words = "The quick brown fox jumps over the lazy dog. ".repeat(99);
  const prefix = (): string => `${freshSystem()} ${words}`;
  const ask = async (system: string, tail: string): Promise<EngineResult["calls"][number]> => {
    const result = await engine.ask<EngineResult>({
      bodies: [
        {
          messages: [
            { role: "system", content: system },
            { role: "user", content: tail },
          ],
          temperature: 0,
          max_tokens: 4,
        },
      ],
    } satisfies EngineJob);
    const [call] = result.calls;
    if (call === undefined || call.promptTokens < PREFIX_TOKENS) throw new Error("the prompt is too short");
    return call;
  };
  /** Long enough that its slot is not simply taken over. */
  const longTail = `Who are you? ${"Pack my box with five dozen liquor jugs. ".repeat(12)}`;
  const ratios: Record<"same_slot" | "other_slot" | "disk", number[]> = {
    same_slot: [],
    other_slot: [],
    disk: [],
  };
  const colds: number[] = [];
  try {
    await engine.ask<EngineOpened>({
      open: { ...path, sequences: 2, contextTokens: CONTEXT_TOKENS, prefixes: { folder, maxBytes: 2e9 } },
    } satisfies EngineJob);
    for (let round = 0; round <= PREFIX_ROUNDS; round += 1) {
      const system = prefix();
      const cold = await ask(system, longTail);
      const otherSlot = await ask(system, "What do you see?");
      const sameSlot = await ask(system, "What do you hear?");
      // Two strangers: both slots give way.
      await ask(prefix(), longTail);
      await ask(prefix(), longTail);
      const disk = await ask(system, "What do you smell?");
      for (const call of [otherSlot, sameSlot, disk]) {
        if (call.cachedTokens < PREFIX_TOKENS - 50)
          throw new Error(`only ${call.cachedTokens} tokens were reused`);
      }
      if (round === 0) continue;
      colds.push(cold.firstTokenMs);
      ratios.other_slot.push(otherSlot.firstTokenMs / cold.firstTokenMs);
      ratios.same_slot.push(sameSlot.firstTokenMs / cold.firstTokenMs);
      ratios.disk.push(disk.firstTokenMs / cold.firstTokenMs);
    }
    await engine.ask<null>({ close: true } satisfies EngineJob);
  } finally {
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  }
  process.stderr.write("shared prefixes: done\n");
  return {
    prefix_cold_first_token_ms: rounded(median(colds), 0),
    prefix_ratio_same_slot: rounded(median(ratios.same_slot)),
    prefix_ratio_other_slot: rounded(median(ratios.other_slot)),
    prefix_ratio_disk: rounded(median(ratios.disk)),
  };
}

/** Against llama.cpp's own server, both over HTTP. */
async function againstServer(options: {
  binary: string;
  model: { id: string; path: string; sha256: string };
  threads: number;
}): Promise<Record<string, number>> {
  const { model } = options;
  const sequences = Math.max(...STREAMS);
  const client = startChild("streams");
  const starter = startChild("starter");
  const figures: Record<string, number> = {};
  const ours = await starter.ask<string>({ ...model, sequences, contextTokens: CONTEXT_TOKENS });
  const server = await startLlamaServer({
    binary: options.binary,
    model: model.path,
    sequences,
    contextTokens: CONTEXT_TOKENS,
    threads: options.threads,
  });
  const run = (url: string, streams: number) => () =>
    client.ask<StreamsResult>({
      url: `${url}/v1/chat/completions`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: model.id, stream: true, ...chat(freshSystem(), { temperature: 0 }) }),
      streams,
      token: '"delta":{"content":',
    } satisfies StreamsJob);
  const perSecond = (result: StreamsResult): number => (result.tokens / result.elapsedMs) * 1_000;
  try {
    for (const streams of STREAMS) {
      const pairs = await inTurn(ROUNDS, run(ours, streams), run(server.url, streams));
      figures[`tokens_ratio_${streams}_llama_server`] = rounded(
        median(pairs.map(([mine, other]) => perSecond(mine) / perSecond(other))),
      );
      figures[`llama_server_tokens_per_s_${streams}`] = rounded(
        median(pairs.map(([, other]) => perSecond(other))),
        1,
      );
    }
  } finally {
    await server.close();
    await starter.close();
    await client.close();
  }
  return figures;
}

/** A benchmark fetches nothing. */
async function cachedStarter(): Promise<{ id: string; path: string; sha256: string }> {
  const { id } = starterEntry();
  const cached = (await listCached(modelCacheFolder(process.env))).find((model) => model.id === id);
  if (cached === undefined) throw new Error(`The cache has no ${id}. npm start fetches it.`);
  return { id, path: cached.path, sha256: cached.sha256 };
}

async function run(): Promise<Measured> {
  const model = await cachedStarter();
  const { id, path } = model;
  const sequences = Math.max(...STREAMS);
  const engine = startChild("engine");
  const binding = startChild("binding");
  const figures: Record<string, number> = {};
  let threads = 1;
  try {
    const opened = await engine.ask<EngineOpened>({
      open: { ...model, sequences, contextTokens: CONTEXT_TOKENS },
    } satisfies EngineJob);
    threads = opened.threads;
    await binding.ask<null>({ path, sequences, contextTokens: CONTEXT_TOKENS, threads });
    Object.assign(figures, await againstBinding(engine, binding), await constrained(engine));
    await engine.ask<null>({ close: true } satisfies EngineJob);
  } finally {
    await binding.close();
    await engine.close();
  }
  Object.assign(figures, await sharedPrefix(model));
  const binary = findLlamaServer(process.env);
  if (binary !== null) Object.assign(figures, await againstServer({ binary, model, threads }));
  return {
    conditions: {
      model: id,
      calls: `${TOKENS} tokens, prompts of some 60 that nobody has seen, greedy and sampled (0.8, top_k 40, top_p 0.95)`,
      context: `${sequences} sequences of ${CONTEXT_TOKENS} tokens, ${threads} threads in both`,
      rounds: `${ROUNDS} after one to warm up, in turn, each first in every other round; medians of ratios`,
      prefixes: `${PREFIX_ROUNDS} rounds, some ${PREFIX_TOKENS} tokens shared`,
      "llama-server": binary === null ? "not found (LLAMA_SERVER names one)" : binary,
    },
    figures,
  };
}

export const engine: Benchmark = {
  about:
    "the embedded engine against node-llama-cpp alone and llama-server; grammars, log-probabilities, prefixes",
  run,
};
