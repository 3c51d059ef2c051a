import { starterEntry } from "../local-node/src/models/catalogue.ts";
import { API_KEY, startTestGateway } from "../test/harness/gateway.ts";
import { startTestNode } from "../test/harness/node.ts";
import { type Child, startChild } from "./lib/child.ts";
import type { Benchmark, Measured } from "./lib/report.ts";
import { starterStreams } from "./lib/starter-streams.ts";
import { median, quantile, rounded } from "./lib/stats.ts";
import type { StreamsJob, StreamsResult } from "./processes/streams.ts";

const ROUNDS = 3;
const SECONDS = 3;
const RATES = [200, 2_000];
const STREAMS = [1, 8, 32];
const WARM_TOKENS = 4;
const WARM_UP_CALLS = 40;
const WARM_CALLS = 200;

interface Pair {
  ratio: number;
  firstTokenAdded: number;
  gapAdded: number;
  directTokensPerSecond: number;
}

async function measure(options: {
  client: Child;
  direct: string;
  gateway: string;
  rate: number;
  streams: number;
}): Promise<Pair[]> {
  const job = (url: string, model: string): StreamsJob => ({
    url: `${url}/v1/chat/completions`,
    headers: { "content-type": "application/json", authorization: `Bearer ${API_KEY}` },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "go" }], stream: true }),
    streams: options.streams,
  });
  const pairs: Pair[] = [];
  // The first round warms both ways up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const direct = await options.client.ask<StreamsResult>(job(options.direct, "paced"));
    const through = await options.client.ask<StreamsResult>(job(options.gateway, "slm/paced"));
    if (through.tokens !== direct.tokens)
      throw new Error(`${through.tokens} tokens came through the tunnel, ${direct.tokens} directly`);
    if (round > 0)
      pairs.push({
        ratio: direct.elapsedMs / through.elapsedMs,
        firstTokenAdded: median(through.firstTokenMs) - median(direct.firstTokenMs),
        gapAdded: quantile(through.gapsMs, 0.99) - quantile(direct.gapsMs, 0.99),
        directTokensPerSecond: (direct.tokens / direct.elapsedMs) * 1_000,
      });
  }
  return pairs;
}

/** Short calls one after another, directly and through the tunnel in turn: the first token without a crowd. */
async function measureWarm(options: {
  client: Child;
  direct: string;
  gateway: string;
}): Promise<{ p50: number; p99: number }> {
  const first = async (url: string, model: string): Promise<number> => {
    const result = await options.client.ask<StreamsResult>({
      url: `${url}/v1/chat/completions`,
      headers: { "content-type": "application/json", authorization: `Bearer ${API_KEY}` },
      body: JSON.stringify({
        model,
        messages: [{ role: "user", content: "go" }],
        stream: true,
        max_tokens: WARM_TOKENS,
      }),
      streams: 1,
    } satisfies StreamsJob);
    return result.firstTokenMs[0] ?? Number.NaN;
  };
  const direct: number[] = [];
  const through: number[] = [];
  for (let call = -WARM_UP_CALLS; call < WARM_CALLS; call += 1) {
    const pair = [await first(options.direct, "paced"), await first(options.gateway, "slm/paced")] as const;
    if (call < 0) continue;
    direct.push(pair[0]);
    through.push(pair[1]);
  }
  const added = (share: number): number => rounded(quantile(through, share) - quantile(direct, share));
  return { p50: added(0.5), p99: added(0.99) };
}

async function run(): Promise<Measured> {
  const client = startChild("streams");
  const gateway = await startTestGateway();
  const figures: Record<string, number> = {};
  const worst = new Map<number, number>();
  const firstTokens: number[] = [];
  const gaps: number[] = [];
  let starter: Awaited<ReturnType<typeof starterStreams>> = null;
  try {
    for (const rate of RATES) {
      const engine = startChild("paced");
      const engineUrl = await engine.ask<string>({
        tokens: rate * SECONDS,
        tokensPerSecond: rate,
        firstTokenMs: 1,
      });
      const node = await startTestNode({ gateway, attach: [`${engineUrl}/v1`] });
      try {
        for (const streams of STREAMS) {
          const pairs = await measure({ client, direct: engineUrl, gateway: gateway.url, rate, streams });
          const of = (pick: (pair: Pair) => number): number => median(pairs.map(pick));
          const at = `${streams}x${rate}`;
          figures[`tokens_ratio_${at}`] = rounded(of((pair) => pair.ratio));
          figures[`first_token_added_p50_ms_${at}`] = rounded(of((pair) => pair.firstTokenAdded));
          figures[`inter_token_added_p99_ms_${at}`] = rounded(of((pair) => pair.gapAdded));
          figures[`direct_tokens_per_s_${at}`] = Math.round(of((pair) => pair.directTokensPerSecond));
          worst.set(
            streams,
            Math.min(
              worst.get(streams) ?? 1_000,
              of((pair) => pair.ratio),
            ),
          );
          firstTokens.push(of((pair) => pair.firstTokenAdded));
          gaps.push(of((pair) => pair.gapAdded));
          process.stderr.write(`${streams} streams at ${rate} tokens/s: done\n`);
        }
        const warm = await measureWarm({ client, direct: engineUrl, gateway: gateway.url });
        figures[`first_token_added_p50_ms_warm_${rate}`] = warm.p50;
        figures[`first_token_added_p99_ms_warm_${rate}`] = warm.p99;
      } finally {
        await node.close();
        await engine.close();
      }
    }
    starter = await starterStreams({ client, gateway });
  } finally {
    await gateway.close();
    await client.close();
  }
  return {
    conditions: {
      engine: `paced, ${RATES.join(" and ")} tokens/s per stream for ${SECONDS} s, first token after 1 ms, behind attach`,
      rounds: `${ROUNDS} after one to warm up, direct and through the tunnel in turn, medians`,
      warm: `${WARM_CALLS} calls of ${WARM_TOKENS} tokens one after another, after ${WARM_UP_CALLS}`,
      starter:
        starter === null
          ? `skipped: the cache has no ${starterEntry().id}`
          : `${starter.model}, embedded, directly and through the tunnel in turn, both in this run`,
      headline: "the worst over both rates, and for latencies over all numbers of streams",
      processes: "client, engine, node and gateway share the cores",
    },
    figures: {
      ...Object.fromEntries(
        [...worst].map(([streams, ratio]) => [`tokens_ratio_${streams}`, rounded(ratio)]),
      ),
      first_token_added_p50_ms: rounded(Math.max(...firstTokens)),
      inter_token_added_p99_ms: rounded(Math.max(...gaps)),
      ...figures,
      ...starter?.figures,
    },
  };
}

export const tunnel: Benchmark = { about: "what gateway, tunnel and node take from an engine's tokens", run };
