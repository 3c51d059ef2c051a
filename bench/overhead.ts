import { resolve } from "node:path";
import { startGateway } from "../scripts/gateway.ts";
import { ROOT } from "../scripts/paths.ts";
import { API_KEY, startTestGateway, type TestGateway } from "../test/harness/gateway.ts";
import { makeTempFolder } from "../test/harness/temp-folder.ts";
import { type Child, startChild } from "./lib/child.ts";
import { PORTKEY, startPortkey } from "./lib/portkey.ts";
import type { Benchmark, Measured } from "./lib/report.ts";
import { median, quantile, rounded } from "./lib/stats.ts";
import type { LoadJob, LoadResult } from "./processes/load.ts";

const ROUNDS = 5;
const WARM_UP = 200;
const SINGLE = 300;
const STREAMED = 200;
const LOADED = 2_000;
const IN_FLIGHT = 16;

interface Target {
  /** Behind each figure's name; null for the direct call that the others are compared with. */
  suffix: string | null;
  url: string;
  headers: Record<string, string>;
}

interface Round {
  p50: number;
  p99: number;
  firstToken: number;
  firstTokenC16: number;
  p50C16: number;
  requestsPerSecond: number;
}

const MESSAGES = [
  { role: "user", content: "Which tool fits this request, and with which arguments? ".repeat(10) },
];
const WHOLE = JSON.stringify({ model: "gpt-5-mini", messages: MESSAGES });
const STREAM = JSON.stringify({ model: "gpt-5-mini", messages: MESSAGES, stream: true });

async function measure(load: Child, target: Target): Promise<Round> {
  const job = (body: string, requests: number, inFlight: number): LoadJob => ({
    url: `${target.url}/v1/chat/completions`,
    headers: { "content-type": "application/json", ...target.headers },
    body,
    requests,
    inFlight,
  });
  const run = (...args: Parameters<typeof job>): Promise<LoadResult> => load.ask<LoadResult>(job(...args));
  await run(WHOLE, WARM_UP, 4);
  const single = await run(WHOLE, SINGLE, 1);
  const streamed = await run(STREAM, STREAMED, 1);
  const loaded = await run(WHOLE, LOADED, IN_FLIGHT);
  const loadedStreams = await run(STREAM, LOADED / 4, IN_FLIGHT);
  return {
    p50: median(single.totalMs),
    p99: quantile(single.totalMs, 0.99),
    firstToken: median(streamed.firstByteMs),
    firstTokenC16: median(loadedStreams.firstByteMs),
    p50C16: median(loaded.totalMs),
    requestsPerSecond: (LOADED / loaded.elapsedMs) * 1_000,
  };
}

function figuresOf(target: Target, rounds: Round[], direct: Round[]): Record<string, number> {
  const added = (pick: (round: Round) => number): number =>
    rounded(median(rounds.map((round, index) => pick(round) - pick(direct[index] ?? round))));
  const name = (figure: string): string => `${figure}${target.suffix ?? "_direct"}`;
  const speed = {
    [name("requests_per_s_c16")]: Math.round(median(rounds.map((round) => round.requestsPerSecond))),
  };
  if (target.suffix === null) return speed;
  return {
    [name("added_p50_ms")]: added((round) => round.p50),
    [name("added_p99_ms")]: added((round) => round.p99),
    [name("added_first_token_p50_ms")]: added((round) => round.firstToken),
    [name("added_p50_c16_ms")]: added((round) => round.p50C16),
    [name("added_first_token_p50_c16_ms")]: added((round) => round.firstTokenC16),
    ...speed,
  };
}

async function run(): Promise<Measured> {
  const [upstream, collector, load] = [startChild("upstream"), startChild("collector"), startChild("load")];
  const upstreamUrl = await upstream.ask<string>({});
  const collectorUrl = await collector.ask<string>({});
  const cloud = { OPENAI_API_KEY: "canned", OPENAI_BASE_URL: `${upstreamUrl}/v1` };
  const floorState = await makeTempFolder();
  const gateway = await startTestGateway({ vars: { ...cloud, OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl } });
  const bare = await startTestGateway({ vars: cloud });
  await bare.admin("/api/settings", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ledger: { record: false } }),
  });
  const floor = await startGateway({
    stateDir: floorState.path,
    vars: { UPSTREAM: upstreamUrl },
    config: { path: resolve(ROOT, "bench/floor/wrangler.toml") },
  });
  const portkey = await startPortkey();
  const key = { authorization: `Bearer ${API_KEY}` };
  const targets: Target[] = [
    { suffix: null, url: upstreamUrl, headers: key },
    { suffix: "_floor", url: floor.url, headers: key },
    { suffix: "", url: gateway.url, headers: key },
    { suffix: "_ledger_off", url: bare.url, headers: key },
    {
      suffix: "_portkey",
      url: portkey.url,
      headers: { ...key, "x-portkey-provider": "openai", "x-portkey-custom-host": `${upstreamUrl}/v1` },
    },
  ];
  try {
    const rounds = new Map<Target, Round[]>(targets.map((target) => [target, []]));
    for (let round = 0; round < ROUNDS; round += 1)
      for (const target of targets) {
        rounds.get(target)?.push(await measure(load, target));
        process.stderr.write(`round ${round + 1} of ${ROUNDS}: ${target.suffix ?? "direct"}\n`);
      }
    if (!(await records(gateway))) throw new Error("the ledger recorded nothing");
    if (await records(bare)) throw new Error("the ledger that is off recorded something");
    if ((await collector.ask<number>({})) === 0) throw new Error("no trace arrived at the collector");
    const [first] = targets;
    const direct = first === undefined ? [] : (rounds.get(first) ?? []);
    return {
      conditions: {
        compared: `the same upstream directly, ${PORTKEY} (with a patch, its streams answer 500 otherwise), a bare pass-through Worker on the same workerd (floor)`,
        gateway: `ledger and traces on, a collector as a process of its own; _ledger_off: neither`,
        rounds: `${ROUNDS}, targets in turn; medians over rounds of the difference to the direct call of that round`,
        requests: `per round: ${SINGLE} whole and ${STREAMED} streamed at 1, ${LOADED} whole at ${IN_FLIGHT} in flight`,
        body: `${WHOLE.length} bytes`,
        processes: "client, upstream, collector and gateways share the cores",
      },
      figures: Object.assign(
        {},
        ...targets.map((target) => figuresOf(target, rounds.get(target) ?? [], direct)),
      ),
    };
  } finally {
    await Promise.all([gateway.close(), bare.close(), floor.dispose(), portkey.close()]);
    await Promise.all([upstream.close(), collector.close(), load.close()]);
    await floorState.remove();
  }
}

/** Whether a call ends up in the ledger: a benchmark with one that was not on, or not off, would say nothing. */
async function records(gateway: TestGateway): Promise<boolean> {
  await (await gateway.chat(WHOLE)).arrayBuffer();
  const { data } = (await gateway.admin("/api/calls?limit=1")) as { data: unknown[] };
  return data.length > 0;
}

export const overhead: Benchmark = {
  about: "what the gateway adds to a call, beside Portkey's gateway and a bare Worker",
  run,
};
