import { applyD1Migrations, env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import type { Env } from "../env.ts";
import type { FinishMessage } from "./buffer.ts";
import { LedgerClient } from "./client.ts";
import { finishRecord, startRecord } from "./fixtures/records.ts";
import { readCall } from "./read-call.ts";
import type { CallStart } from "./records.ts";

beforeAll(async () => {
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
});

/** The real object behind a namespace that counts messages, can fail the first ones, and never takes some calls. */
function isolate(options: { failures?: number; poison?: string } = {}) {
  const state = {
    failures: options.failures ?? 0,
    starts: [] as number[],
    messages: [] as number[],
    behind: [] as Promise<unknown>[],
  };
  const attempt = () => {
    if (state.failures <= 0) return;
    state.failures -= 1;
    throw new Error("Network connection lost.");
  };
  const namespace = {
    getByName: (name: string) => {
      const stub = env.LEDGER.getByName(name);
      return {
        async start(...records: CallStart[]) {
          state.starts.push(records.length);
          attempt();
          if (records.some(({ id }) => id === options.poison)) throw new Error("D1_ERROR: too big");
          return stub.start(...records);
        },
        async finish(messages: FinishMessage[]) {
          attempt();
          state.messages.push(messages.length);
          return stub.finish(messages);
        },
      };
    },
  } as unknown as Env["LEDGER"];
  const waitUntil = (promise: Promise<unknown>) => state.behind.push(promise);
  return { state, env: { LEDGER: namespace }, waitUntil, client: new LedgerClient() };
}

async function outcome(id: string): Promise<string | null | undefined> {
  return (await readCall({ env, id, withBodies: false }))?.call.outcome;
}

describe("the isolate's side of the ledger", () => {
  it("has a start recorded when it resolves, and tries again when the object does not answer", async () => {
    const { state, client, env: isolateEnv, waitUntil } = isolate({ failures: 2 });
    const record = startRecord();
    await client.start({ env: isolateEnv, record, waitUntil });
    expect(state.starts).toEqual([1, 1, 1]);
    expect(await outcome(record.id)).toBeNull();
  });

  it("says that the ledger is unavailable rather than waiting for ever", async () => {
    const { client, env: isolateEnv, waitUntil } = isolate({ failures: 99 });
    await expect(client.start({ env: isolateEnv, record: startRecord(), waitUntil })).rejects.toMatchObject({
      code: "ledger_unavailable",
      retryable: true,
    });
  });

  it("sends the starts that come while a message is under way together in the next", async () => {
    const { state, client, env: isolateEnv, waitUntil } = isolate();
    const starts = Array.from({ length: 30 }, () => startRecord());
    await Promise.all(starts.map((record) => client.start({ env: isolateEnv, record, waitUntil })));
    expect(state.starts).toEqual([1, 29]);
    for (const start of starts) expect(await outcome(start.id)).toBeNull();
  });

  it("fails only the call whose start the object does not take, not those that were gathered with it", async () => {
    const starts = Array.from({ length: 5 }, () => startRecord());
    const { client, env: isolateEnv, waitUntil } = isolate({ poison: starts[2]?.id ?? "" });
    const sent = await Promise.allSettled(
      starts.map((record) => client.start({ env: isolateEnv, record, waitUntil })),
    );
    expect(sent.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect(await outcome(starts[3]?.id ?? "")).toBeNull();
    expect(await outcome(starts[2]?.id ?? "")).toBeUndefined();
  });

  it("gathers the ends of many calls into one message", async () => {
    const { state, client, env: isolateEnv, waitUntil } = isolate();
    const starts = Array.from({ length: 30 }, () => startRecord());
    await Promise.all(starts.map((record) => client.start({ env: isolateEnv, record, waitUntil })));
    for (const start of starts) client.finish({ env: isolateEnv, record: finishRecord(start), waitUntil });
    await Promise.all(state.behind);
    expect(state.messages).toEqual([30]);
    for (const start of starts) expect(await outcome(start.id)).toBe("done");
  });

  it("sends no more than 64 ends in a message, and loses none", async () => {
    const { state, client, env: isolateEnv, waitUntil } = isolate();
    const starts = Array.from({ length: 150 }, () => startRecord());
    for (const start of starts)
      client.finish({ env: isolateEnv, record: finishRecord(start), start, waitUntil });
    await Promise.all(state.behind);
    expect(Math.max(...state.messages)).toBe(64);
    expect(state.messages.reduce((sum, count) => sum + count, 0)).toBe(150);
    for (const start of starts) expect(await outcome(start.id)).toBe("done");
  });

  it("sends an end again until the object has it", async () => {
    const { state, client, env: isolateEnv, waitUntil } = isolate({ failures: 3 });
    const start = startRecord();
    client.finish({ env: isolateEnv, record: finishRecord(start), start, waitUntil });
    await Promise.all(state.behind);
    expect(state.messages).toEqual([1]);
    expect(await outcome(start.id)).toBe("done");
  });
});
