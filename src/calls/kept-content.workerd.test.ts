import { applyD1Migrations, env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { shardOf } from "../ledger/call-id.ts";
import { readCall } from "../ledger/read-call.ts";
import { ledgerShard } from "../ledger/shards.ts";
import { openBody } from "../ledger/store-body.ts";
import { settingsSchema } from "../settings.ts";
import { recordedCall } from "../work/recorded-call.ts";
import { openCallRecord } from "./call-record.ts";

beforeAll(() => applyD1Migrations(env.DB, env.TEST_MIGRATIONS));

const EMAIL = "canary.person@gmail.com";
const SECRET = `ghp_${"cAnArY70".repeat(5).slice(0, 36)}`;
const CARD = "6011000990139424";
const CANARIES = ["canary.person", "cAnArY70", "cAnA", CARD, "6011 0009"];

const ENCODER = new TextEncoder();
const bytesOf = (value: unknown): Uint8Array =>
  ENCODER.encode(typeof value === "string" ? value : JSON.stringify(value));

const REQUEST = {
  model: "m",
  messages: [
    { role: "system", content: `Key: ${SECRET}` },
    { role: "user", content: `I am ${EMAIL}, card 6011 0009 9013 9424.` },
    {
      role: "assistant",
      tool_calls: [
        {
          id: "c",
          type: "function",
          function: { name: "pay", arguments: JSON.stringify({ to: EMAIL, card: Number(CARD) }) },
        },
      ],
    },
    { role: "tool", tool_call_id: "c", content: JSON.stringify({ token: SECRET }) },
  ],
};

const chunk = (delta: object) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`;
const said = `Paid by ${EMAIL} with ${SECRET}`;
const STREAM = [
  ...(said.match(/.{1,5}/g) ?? []).map((content) => chunk({ content })),
  ...(JSON.stringify({ note: `mail\n${EMAIL}` }).match(/.{1,4}/g) ?? []).map((args) =>
    chunk({
      tool_calls: [{ index: 0, id: "c", type: "function", function: { name: "note", arguments: args } }],
    }),
  ),
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] })}\n\n`,
  "data: [DONE]\n\n",
].join("");

/** A call that was recorded with these bodies; resolves when its content has arrived. */
async function recorded(options: {
  request: Uint8Array;
  reply: Uint8Array;
  content?: object;
  outcome?: "done" | "cancelled";
}) {
  const behind: Promise<unknown>[] = [];
  const record = openCallRecord({
    env,
    caller: { keyId: "key_1", projectId: "default", returnRequestedModel: false, audience: "agent" },
    settings: settingsSchema.parse({ content: { redact: true, ...options.content } }),
    traceId: null,
    startedAt: Date.now(),
    waitUntil: (work) => behind.push(work),
  });
  const facts = {
    endpoint: "/v1/chat/completions",
    requestedModel: "m",
    route: null,
    task: null,
    session: null,
    stream: false,
  };
  record.start(facts);
  await record.durable();
  record.copyResponse(options.reply);
  record.finish({
    endedAt: Date.now(),
    outcome: options.outcome ?? "done",
    status: 200,
    reason: "cloud-requested",
    servedBy: "llm/openai/m",
    error: null,
    attempts: [],
    request: options.request,
  });
  await Promise.all(behind);
  return record.id;
}

/** Its bodies, opened. */
async function opened(id: string): Promise<Record<string, { text: string; truncated: boolean }>> {
  const call = await readCall({ env, id, withBodies: true });
  const texts: Record<string, { text: string; truncated: boolean }> = {};
  for (const stored of call?.bodies ?? []) {
    const body = await openBody({ env, callId: id, projectId: "default", stored });
    if (!body.ok) throw new Error(body.reason);
    texts[stored.part] = { text: new TextDecoder().decode(body.plaintext), truncated: stored.truncated };
  }
  return texts;
}

const textOf = (value: unknown): string =>
  value instanceof ArrayBuffer
    ? new TextDecoder("latin1").decode(value)
    : Array.isArray(value)
      ? String.fromCharCode(...(value as number[]))
      : String(value);

/** All that stands in a database, byte for byte. */
async function dumped(
  rows: (sql: string) => Promise<Record<string, unknown>[]> | Record<string, unknown>[],
): Promise<string> {
  const tables = await rows("SELECT name FROM sqlite_master WHERE type = 'table'");
  const all: string[] = [];
  for (const { name } of tables) {
    if (/^(_cf_|sqlite_)/.test(String(name))) continue;
    for (const row of await rows(`SELECT * FROM "${name}"`))
      all.push(Object.values(row).map(textOf).join("\n"));
  }
  return all.join("\n");
}

describe("content that is redacted", () => {
  it("threat: a secret or a private value must be nowhere in what is kept, in the clear or opened", async () => {
    const id = await recorded({ request: bytesOf(REQUEST), reply: bytesOf(STREAM) });
    const shard = ledgerShard(env, shardOf(id) ?? 0);
    const before = await opened(id);
    const inObject = await runInDurableObject(shard, (_instance, state) =>
      dumped((sql) => state.storage.sql.exec(sql).toArray()),
    );
    await vi.waitFor(
      async () => {
        await runDurableObjectAlarm(shard);
        expect(await shard.stats()).toMatchObject({ readyCalls: 0, openCalls: 0, bodyBytes: 0 });
      },
      { timeout: 20_000, interval: 20 },
    );
    const after = await opened(id);
    const inD1 = await dumped(async (sql) => (await env.DB.prepare(sql).all()).results);
    expect(Object.keys(after)).toEqual(["request", "response"]);
    expect(inD1).toContain(id);
    expect(inObject).toContain(id);
    const kept = [inObject, inD1, JSON.stringify(before), JSON.stringify(after)].join("\n");
    for (const canary of CANARIES) expect(kept).not.toContain(canary);
  }, 30_000);

  it("is whole and readable, and a value has one surrogate in all of the call", async () => {
    const { request, response } = await opened(
      await recorded({ request: bytesOf(REQUEST), reply: bytesOf(STREAM) }),
    );
    expect(request?.truncated).toBe(false);
    expect(response?.truncated).toBe(false);
    const { messages } = JSON.parse(request?.text ?? "") as { messages: [unknown, { content: string }] };
    const [, surrogate = "-"] = /^I am (.*), card/.exec(messages[1].content) ?? [];
    expect(surrogate).toMatch(/^user\..*@example\.com$/);
    expect(request?.text.split(surrogate)).toHaveLength(3);
    expect(response?.text.split(surrogate)).toHaveLength(3);
    expect(response?.text.split("\n\n")).toHaveLength(STREAM.split("\n\n").length);
  }, 30_000);

  it("is read again as a call with its answer, as shadow calls and data sets do", async () => {
    const id = await recorded({ request: bytesOf({ ...REQUEST, stream: true }), reply: bytesOf(STREAM) });
    const call = await recordedCall({ env, callId: id, projectId: "default" });
    if ("why" in call) throw new Error(call.why);
    const [, user] = call.request.messages;
    const [, surrogate = "-"] = /I am (\S+), card/.exec(JSON.stringify(user)) ?? [];
    expect(call.answer?.text).toContain(`Paid by ${surrogate} with ghp_`);
    expect(JSON.parse(call.answer?.calls[0]?.arguments ?? "{}")).toEqual({ note: `mail\n${surrogate}` });
  }, 30_000);

  it("that is cut, or broken off, ends before what may be the beginning of a value", async () => {
    const reply = bytesOf({ choices: [{ message: { content: `x${"é".repeat(200)} ${SECRET}` } }] });
    const long = { request: bytesOf({ text: `${"x".repeat(600)} ${SECRET}` }), reply };
    for (const maxBytes of [450, 470, 480, 630, 640, 650]) {
      const kept = await opened(await recorded({ ...long, content: { maxBytes } }));
      expect(kept.request?.truncated).toBe(true);
      for (const canary of CANARIES) expect(JSON.stringify(kept)).not.toContain(canary);
    }
    const broken = {
      request: bytesOf("{}"),
      reply: bytesOf(STREAM.slice(0, 900)),
      outcome: "cancelled" as const,
    };
    expect(JSON.stringify(await opened(await recorded(broken)))).not.toContain("cAnA");
  }, 30_000);

  it("that cannot be read is not kept, which is logged without it; the call is", async () => {
    const errors = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const id = await recorded({
      request: new Uint8Array([0x7b, 0xff, ...bytesOf(EMAIL)]),
      reply: bytesOf(STREAM),
    });
    expect(await readCall({ env, id, withBodies: true })).toMatchObject({
      call: { outcome: "done" },
      bodies: [],
    });
    const logged = errors.mock.calls.flat().join("\n");
    errors.mockRestore();
    expect(logged).toContain("ledger_content_failed");
    for (const canary of CANARIES) expect(logged).not.toContain(canary);
  }, 30_000);

  it("is kept as it was where the project does not ask for it", async () => {
    const id = await recorded({
      request: bytesOf(REQUEST),
      reply: bytesOf(STREAM),
      content: { redact: false },
    });
    expect((await opened(id)).response?.text).toBe(STREAM);
  }, 30_000);
});
