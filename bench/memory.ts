import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { API_KEY, startTestGateway } from "../test/harness/gateway.ts";
import { startTestNode } from "../test/harness/node.ts";
import { processTree } from "../test/harness/processes.ts";
import { startChild } from "./lib/child.ts";
import type { Benchmark, Measured } from "./lib/report.ts";
import type { StreamsJob, StreamsResult } from "./processes/streams.ts";

const STREAMS = 64;
const TOKENS = 2_000;
/** An event of the paced engine is about 160 bytes: the readers take half of what the engine could give. */
const TOKENS_PER_SECOND = 200;
const BYTES_PER_SECOND = 16_000;
const RUNS = 2;

/** Resident memory in MB. */
function rss(pid: number): number {
  if (process.platform === "linux") {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Math.round(Number(kilobytes) / 1_024);
  }
  return Math.round(
    Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) / 1_024,
  );
}

async function run(): Promise<Measured> {
  const [client, engine] = [startChild("streams"), startChild("paced")];
  const engineUrl = await engine.ask<string>({ tokens: TOKENS, tokensPerSecond: TOKENS_PER_SECOND });
  const gateway = await startTestGateway();
  const node = await startTestNode({ gateway, attach: [`${engineUrl}/v1`] });
  try {
    const [host, workerd, ...others] = processTree(gateway.pid);
    if (host === undefined || workerd === undefined || others.length > 0)
      throw new Error("the gateway is not two processes: workerd and the one that holds it");
    const processes = { workerd, gateway_host: host, node: node.pid };
    const figures: Record<string, number> = {};
    const note = (when: string): void => {
      for (const [name, pid] of Object.entries(processes)) {
        const figure = `${name}_${when}_mb`;
        figures[figure] = Math.max(figures[figure] ?? 0, rss(pid));
      }
    };
    const job: StreamsJob = {
      url: `${gateway.url}/v1/chat/completions`,
      headers: { "content-type": "application/json", authorization: `Bearer ${API_KEY}` },
      body: JSON.stringify({ model: "slm/paced", messages: [{ role: "user", content: "go" }], stream: true }),
      streams: STREAMS,
      bytesPerSecond: BYTES_PER_SECOND,
    };
    // One short call, so that "at rest" is a gateway that has worked.
    await client.ask<StreamsResult>({ ...job, streams: 1, bytesPerSecond: undefined });
    await delay(3_000);
    note("at_rest");
    for (let index = 1; index <= RUNS; index += 1) {
      let running = true;
      const done = client.ask<StreamsResult>(job).finally(() => {
        running = false;
      });
      while (running) {
        note(`peak_${index}`);
        await delay(250);
      }
      const { tokens, elapsedMs } = await done;
      if (tokens !== STREAMS * TOKENS) throw new Error(`${tokens} tokens arrived, not ${STREAMS * TOKENS}`);
      figures[`seconds_${index}`] = Math.round(elapsedMs / 1_000);
      await delay(3_000);
      note(`after_${index}`);
    }
    return {
      conditions: {
        load: `${RUNS} times ${STREAMS} streams of ${TOKENS} tokens at ${TOKENS_PER_SECOND} tokens/s through the tunnel`,
        readers: `${BYTES_PER_SECOND} bytes/s each, about half of what the engine gives`,
        measured: "resident memory, every 250 ms; after: 3 s after the last stream",
      },
      figures,
    };
  } finally {
    await node.close();
    await gateway.close();
    await Promise.all([client.close(), engine.close()]);
  }
}

export const memory: Benchmark = { about: "memory of gateway and node at rest and under slow readers", run };
