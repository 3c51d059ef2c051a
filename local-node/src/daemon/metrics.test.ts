import { request } from "node:http";
import { expect, test, vi } from "vitest";
import type { CallRecord } from "../serve/call-record.ts";
import { createMetrics, keepMetricsServer, serveMetrics } from "./metrics.ts";
import { IDLE_STATUS } from "./testing/idle-status.ts";

const CALL: CallRecord = {
  model: "tiny",
  priority: "interactive",
  outcome: "ok",
  queueMs: 5,
  firstTokenMs: 80,
  durationMs: 1_500,
  promptTokens: 120,
  reusedTokens: 80,
  completionTokens: 24,
  tokensPerSecond: 50,
  energyJoules: 12.5,
};

function metricsOf(status = IDLE_STATUS) {
  return createMetrics({ status: () => status });
}

/** Node's fetch does not let a test choose the host header. */
function ask(
  port: number,
  path: string,
  host = `127.0.0.1:${port}`,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    request({ port, agent: false, host: "127.0.0.1", path, headers: { host } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on("error", reject)
      .end();
  });
}

test("counts calls, tokens and energy, and says of how many calls the energy is unknown", async () => {
  const metrics = metricsOf();
  metrics.onCall(CALL);
  metrics.onCall({ ...CALL, energyJoules: null, firstTokenMs: null, outcome: "cancelled" });
  const { text, contentType } = await metrics.render();
  expect(contentType).toContain("version=0.0.4");
  for (const line of [
    'routelet_node_calls_total{model="tiny",priority="interactive",outcome="ok"} 1',
    'routelet_node_calls_total{model="tiny",priority="interactive",outcome="cancelled"} 1',
    'routelet_node_tokens_total{model="tiny",kind="prompt"} 240',
    'routelet_node_tokens_total{model="tiny",kind="reused"} 160',
    'routelet_node_tokens_total{model="tiny",kind="written"} 48',
    'routelet_node_energy_joules_total{model="tiny"} 12.5',
    'routelet_node_energy_unknown_calls_total{model="tiny"} 1',
    'routelet_node_first_token_seconds_count{model="tiny"} 1',
    'routelet_node_call_seconds_bucket{le="2.5",model="tiny"} 2',
  ])
    expect(text).toContain(line);
});

test("tells what is so at the scrape, and no figure that is not known", async () => {
  const status = {
    ...IDLE_STATUS,
    vitals: {
      ...IDLE_STATUS.vitals,
      gpus: [
        {
          name: "RTX",
          powerWatts: 250,
          temperatureCelsius: null,
          utilizationPercent: 90,
          memoryUsedBytes: 8e9,
          memoryTotalBytes: 24e9,
        },
      ],
    },
  };
  const { text } = await metricsOf(status).render();
  expect(text).toContain("routelet_node_connected 1");
  expect(text).toContain('routelet_node_gpu_power_watts{gpu="0",name="RTX"} 250');
  expect(text).not.toMatch(/^routelet_node_gpu_temperature_celsius\{/m);
  expect(text).not.toMatch(/^routelet_node_memory_bytes\{/m);
});

test("is served on loopback, to programs of this machine", async () => {
  const server = await serveMetrics({ port: 0, metrics: metricsOf() });
  const { port } = server;
  expect(await ask(port, "/metrics")).toMatchObject({
    status: 200,
    text: expect.stringContaining("routelet_node_slots"),
  });
  expect((await ask(port, "/metrics", "localhost")).status).toBe(200);
  expect((await ask(port, "/")).status).toBe(404);
  await server.close();
});

test("threat: a web page whose name was made to point here gets nothing", async () => {
  const server = await serveMetrics({ port: 0, metrics: metricsOf() });
  expect((await ask(server.port, "/metrics", "attacker.example")).status).toBe(403);
  await server.close();
});

test("follows the port that is set, and says where it cannot", async () => {
  const taken = await serveMetrics({ port: 0, metrics: metricsOf() });
  const said: string[] = [];
  const kept = keepMetricsServer({ metrics: metricsOf(), log: (_level, message) => said.push(message) });
  kept.setPort(taken.port);
  await vi.waitFor(() =>
    expect(said.at(-1)).toMatch(/cannot be served on port \d+ \(.*EADDRINUSE.*metrics\.port/),
  );
  await taken.close();
  kept.setPort(taken.port);
  await vi.waitFor(() => expect(said.at(-1)).toBe(`Metrics are at http://127.0.0.1:${taken.port}/metrics.`), {
    timeout: 20_000,
  });
  expect((await ask(taken.port, "/metrics")).status).toBe(200);
  await kept.close();
  await expect(ask(taken.port, "/metrics")).rejects.toThrow("ECONNREFUSED");
});
