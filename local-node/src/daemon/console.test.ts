import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { CHAT_ONLY } from "../../../src/tunnel/protocol/messages.ts";
import { statusLines } from "../cli/status-view.ts";
import { createConsole, progressLine, statusLine } from "./console.ts";
import type { DaemonStatus } from "./status.ts";
import { IDLE_STATUS } from "./testing/idle-status.ts";

function sink(tty: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY: tty, columns: 60 });
  let text = "";
  stream.on("data", (chunk) => {
    text += chunk;
  });
  return { stream, text: () => text };
}

const STATUS: DaemonStatus = {
  ...IDLE_STATUS,
  tunnel: { phase: "waiting", activeCalls: 0, lastError: "No answer." },
  state: {
    version: "1",
    models: [
      {
        id: "tiny",
        engine: "embedded",
        loaded: true,
        fileSha256: null,
        quantisation: "Q4_1",
        contextTokens: 8192,
        tokensPerSecond: 51.3,
        capabilities: CHAT_ONLY,
      },
    ],
    slots: { total: 2, busy: 1, queued: 3, queueLimit: 64 },
    hardware: { platform: "linux-x64", cpu: "CPU", cores: 2, memoryBytes: 1, gpus: [] },
    draining: false,
  },
  vitals: {
    calls: {
      total: 2,
      failed: 1,
      recent: [
        {
          model: "tiny",
          priority: "interactive",
          outcome: "ok",
          queueMs: 12,
          firstTokenMs: 80.4,
          durationMs: 1_520,
          promptTokens: 120,
          reusedTokens: 80,
          completionTokens: 24,
          tokensPerSecond: 51.26,
          energyJoules: 12.4,
          endedAt: new Date(2026, 0, 2, 14, 5, 6).getTime(),
        },
        {
          model: "",
          priority: "interactive",
          outcome: "model_not_found",
          queueMs: 0,
          firstTokenMs: null,
          durationMs: 0.3,
          promptTokens: null,
          reusedTokens: null,
          completionTokens: null,
          tokensPerSecond: null,
          energyJoules: null,
          endedAt: new Date(2026, 0, 2, 14, 5, 0).getTime(),
        },
      ],
    },
    tokensPerSecond: 48.04,
    memory: { daemonBytes: 120e6, modelBytes: null },
    gpus: [
      {
        name: "RTX 3090",
        powerWatts: 287.4,
        temperatureCelsius: 61,
        utilizationPercent: null,
        memoryUsedBytes: 8e9,
        memoryTotalBytes: 24e9,
      },
    ],
  },
};

describe("what the daemon shows", () => {
  test("machines get one JSON object per line, progress included, at most every three seconds", () => {
    const { stream, text } = sink(false);
    let now = 0;
    const console = createConsole({ stream, json: true, now: () => now });
    console.log("warn", "Careful.", { left: 1 });
    for (let done = 0; done <= 100; done += 10) {
      now += 1_000;
      console.progress({ phase: "download", done, total: 100 });
    }
    const lines = text()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toEqual({
      time: "1970-01-01T00:00:00.000Z",
      level: "warn",
      message: "Careful.",
      left: 1,
    });
    expect(lines.slice(1).map((line) => line.done)).toEqual([20, 50, 80, 100]);
  });

  test("a person at a terminal gets a bar and a status line that make room for messages", () => {
    const { stream, text } = sink(true);
    const console = createConsole({ stream, json: false });
    console.progress({ phase: "download", done: 50, total: 100 });
    console.progress({ phase: "download", done: 100, total: 100 });
    console.live(() => STATUS);
    console.log("warn", "Careful.");
    console.end();
    expect(text()).toContain("50 %");
    expect(text()).toContain("waiting  tiny (51 tokens/s)");
    expect(text()).toContain("\r\u001b[2Kwarn: Careful.\n");
    expect(text().endsWith("\r\u001b[2K")).toBe(true);
  });

  test("the lines themselves", () => {
    expect(progressLine({ phase: "download", done: 49e6, total: 98e6 })).toBe(
      "Downloading: 50 % of 98.0 MB.",
    );
    expect(progressLine({ phase: "extract", done: 5e6, total: null })).toBe("Unpacking: 5.0 MB.");
    expect(statusLine(STATUS)).toBe("waiting  tiny (51 tokens/s)  1 of 2 slots busy, 3 waiting");
    expect(statusLine({ ...STATUS, paused: { reason: "owner", by: null, until: null } })).toMatch(
      /^paused by its owner {2}tiny/,
    );
    expect(statusLines(STATUS, 65 * 60_000).join("\n")).toBe(
      [
        "node      desk (node_1), projects: default",
        "gateway   https://gateway.test: waiting (No answer.)",
        "running   65 min, process 7",
        "hardware  CPU, 2 cores; GPU: none",
        "memory    daemon 120 MB",
        "gpu 0     RTX 3090: 287 W, 61 °C, 8.0 GB of 24.0 GB in use",
        "slots     1 of 2 busy, 3 waiting (limit 64)",
        "speed     48.0 tokens/s now",
        "model     slm/tiny: embedded, loaded, Q4_1, 8192 tokens of context, 51.3 tokens/s",
        "calls     2, 1 of them failed",
        "          ended     model  prompt  reused  written  queue  first  total  tok/s   J",
        "          14:05:06  tiny      120      80       24  12 ms  80 ms  1.5 s   51.3  12",
        "          14:05:00  -           -       -        -   0 ms      -   0 ms      -   -  model_not_found",
      ].join("\n"),
    );
  });
});
