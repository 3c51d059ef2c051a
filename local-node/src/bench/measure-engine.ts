import type { Engine, EnginePhases } from "../engines/engine.ts";
import type { EnergyMeasure } from "../hardware/energy-meter.ts";

/** What so many calls at once came to. Null: the engine did not tell, or it is not known here. */
export interface StreamFigures {
  streams: number;
  /** Written by all of them together, over the time from the first call to the last token. */
  tokensPerSecond: number | null;
  /** The middle one of the calls, in ms. */
  firstTokenMs: number | null;
  joulesPerToken: number | null;
}

export interface EngineFigures {
  model: string;
  /** Tokens of a long prompt that are read in a second. */
  promptTokensPerSecond: number | null;
  streams: StreamFigures[];
  /** Asked for, but more than the engine runs at once. */
  skipped: number[];
}

const PROMPT_WORDS = 400;

/**
 * Measures an engine by itself, without gateway and queue: how fast it reads and writes, alone and with several calls at
 * once.
 *
 * @param tokens that each call may write
 * @param measure begins to measure the energy of everything; null where that cannot be known
 * @param now milliseconds, rising
 */
export async function measureEngine(options: {
  engine: Engine;
  streams: readonly number[];
  tokens: number;
  measure: () => EnergyMeasure | null;
  now: () => number;
}): Promise<EngineFigures> {
  const { engine, now } = options;
  const model = engine.models()[0]?.id;
  if (model === undefined) throw new Error("The engine serves no model.");
  const ask = (content: string, maxTokens: number) => askOnce({ engine, model, content, maxTokens, now });
  // The first call pays for what is set up once.
  await ask("Hello", 8);
  const read = await ask(`${words(PROMPT_WORDS)} Say yes.`, 1);
  const runnable = options.streams.filter((count) => count <= engine.slots());
  const streams: StreamFigures[] = [];
  for (const count of runnable) {
    const energy = options.measure();
    const begun = now();
    const calls = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        ask(`Story ${index + 1} of ${count}: tell a long story about the sea.`, options.tokens),
      ),
    );
    const seconds = (now() - begun) / 1000;
    const joules = energy?.end() ?? null;
    const written = sum(calls.map(({ phases }) => phases.completionTokens));
    streams.push({
      streams: count,
      tokensPerSecond: written === null ? null : written / seconds,
      firstTokenMs: middle(calls.map(({ firstTokenMs }) => firstTokenMs)),
      joulesPerToken: joules === null || !written ? null : joules / written,
    });
  }
  return {
    model,
    promptTokensPerSecond: promptSpeed(read.phases),
    streams,
    skipped: options.streams.filter((count) => !runnable.includes(count)),
  };
}

async function askOnce(options: {
  engine: Engine;
  model: string;
  content: string;
  maxTokens: number;
  now: () => number;
}): Promise<{ phases: EnginePhases; firstTokenMs: number | null }> {
  const { engine, model, now } = options;
  const phases: EnginePhases = {};
  const begun = now();
  const body = {
    model,
    messages: [{ role: "user", content: options.content }],
    max_tokens: options.maxTokens,
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
  };
  const response = await engine.handle({
    method: "POST",
    path: "/v1/chat/completions",
    headers: { "content-type": "application/json" },
    body: new TextEncoder().encode(JSON.stringify(body)),
    deadlineMs: 600_000,
    signal: new AbortController().signal,
    model,
    phases,
  });
  let first: number | null = null;
  for await (const _chunk of response.body) first ??= now() - begun;
  if (response.status !== 200) throw new Error(`The engine answered ${response.status}.`);
  return { phases, firstTokenMs: phases.firstTokenUs === undefined ? first : phases.firstTokenUs / 1000 };
}

function promptSpeed(phases: EnginePhases): number | null {
  const { promptTokens, reusedTokens = 0, prefillStartUs, firstTokenUs } = phases;
  if (promptTokens === undefined || prefillStartUs === undefined || firstTokenUs === undefined) return null;
  const us = firstTokenUs - prefillStartUs;
  return us > 0 ? ((promptTokens - reusedTokens) * 1e6) / us : null;
}

/** Words that no earlier prompt began with, so that nothing of them is in a cache. */
function words(count: number): string {
  return Array.from({ length: count }, (_, index) => `word${(index * 7919) % 1000}`).join(" ");
}

function sum(values: readonly (number | undefined)[]): number | null {
  return values.reduce<number | null>(
    (total, value) => (total === null || value === undefined ? null : total + value),
    0,
  );
}

function middle(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  return known.length === 0 ? null : (known[Math.floor(known.length / 2)] ?? null);
}
