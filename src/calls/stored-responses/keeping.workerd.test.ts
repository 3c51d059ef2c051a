import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { parseResponsesCall } from "../../dialects/openai-responses/parse.ts";
import { readResponse } from "../../ledger/responses/kept-responses.ts";
import { responseShard } from "../../ledger/responses/response-id.ts";
import { ledgerShard } from "../../ledger/shards.ts";
import { DEFAULT_SETTINGS } from "../../settings.ts";
import { keepingOf } from "./keeping.ts";

const CALL_ID = "call_01j0000000000000000000000000";
const projectId = "default";

interface Where {
  callId?: string;
  mayLeave?: boolean;
  localOnly?: boolean;
  settings?: Partial<typeof DEFAULT_SETTINGS>;
}

const keeping = (
  body: object,
  { callId = CALL_ID, mayLeave = true, localOnly = false, settings = {} }: Where = {},
) =>
  keepingOf({
    env,
    projectId,
    call: parseResponsesCall(new TextEncoder().encode(JSON.stringify({ model: "m", input: "hi", ...body }))),
    callId,
    settings: { ...DEFAULT_SETTINGS, ...settings },
    mayLeave,
    localOnly,
    now: Date.now,
  });

const said = (id: string, text: string) => ({ id, type: "message", role: "assistant", content: text });

async function keep(id: string, body: object = {}, where?: Where): Promise<void> {
  const { keep } = await keeping(body, { callId: id.replace("resp_", "call_"), ...where });
  if (keep === null) throw new Error("not kept");
  await keep({ id: "the provider's own", object: "response", output: [said(`msg_${id}`, `said in ${id}`)] });
}

const METADATA_ONLY = { content: { ...DEFAULT_SETTINGS.content, store: "off" as const } };
const IGNORE = { responses: { ...DEFAULT_SETTINGS.responses, storeWithoutContent: "ignore" as const } };

describe("whether a reply is kept", () => {
  it.each([
    ["unasked: as at OpenAI", {}, {}, { stores: true, keeps: true }],
    ["when asked", { store: true }, {}, { stores: true, keeps: true }],
    ["not with store: false", { store: false }, {}, { stores: true, keeps: false }],
    ["not where content is off", {}, { settings: METADATA_ONLY }, { stores: false, keeps: false }],
    [
      "not where nothing is recorded",
      {},
      { settings: { ledger: { ...DEFAULT_SETTINGS.ledger, record: false } } },
      { stores: false, keeps: false },
    ],
    ["not of a local-only call", {}, { localOnly: true }, { stores: false, keeps: false }],
    [
      "not of a request beyond the limit",
      { input: "x".repeat(17 * 1024 * 1024) },
      {},
      { stores: false, keeps: false },
    ],
    [
      "not where content is off, and asking for it is ignored by setting",
      { store: true },
      { settings: { ...METADATA_ONLY, ...IGNORE } },
      { stores: false, keeps: false },
    ],
  ])("%s", async (_name, body, where, { stores, keeps }) => {
    const kept = await keeping(body, where);
    expect({ stores: kept.stores, keeps: kept.keep !== null }).toEqual({ stores, keeps });
    expect(kept.call.store === "no").toBe(!keeps);
  });

  it.each([
    ["where content is off", {}, { settings: METADATA_ONLY }],
    ["of a local-only call", {}, { localOnly: true }],
    ["of a request beyond the limit", { input: "x".repeat(17 * 1024 * 1024) }, {}],
  ])("is refused by name when it was asked for and cannot be: %s", async (_name, body, where) => {
    await expect(keeping({ ...body, store: true }, where)).rejects.toMatchObject({
      code: "store_unavailable",
      param: "store",
    });
  });

  it("under an id of its own: a provider that gives the same one twice overwrites nothing", async () => {
    await keep("resp_a", { input: "first" });
    await keep("resp_b", { input: "second" });
    const read = async (id: string) => JSON.stringify((await readResponse({ env, projectId, id }))?.input);
    expect([await read("resp_a"), await read("resp_b")]).toEqual([
      expect.stringContaining("first"),
      expect.stringContaining("second"),
    ]);
    expect(await readResponse({ env, projectId, id: "the provider's own" })).toBeNull();
  });

  it("is for as long as the settings say", async () => {
    const responses = { ...DEFAULT_SETTINGS.responses, keepDays: 2 };
    await keep("resp_day", {}, { settings: { responses } });
    const stub = ledgerShard(env, responseShard("resp_day", env));
    const readAfter = async (hours: number) => {
      const now = Date.now() + hours * 3_600_000;
      await runInDurableObject(stub, (object) => {
        object.clock = () => now;
      });
      return readResponse({ env, projectId, id: "resp_day" });
    };
    expect(await readAfter(47)).not.toBeNull();
    expect(await readAfter(49)).toBeNull();
    await runInDurableObject(stub, (object) => {
      object.clock = Date.now;
    });
  }, 30_000);
});

describe("what a call goes on from", () => {
  it("is in its input, whole turns in order, without the instructions of before", async () => {
    await keep("resp_k1", { instructions: "once", input: "first" });
    await keep("resp_k2", { previous_response_id: "resp_k1", input: "second" });
    const { call } = await keeping({ previous_response_id: "resp_k2", input: "third" });
    const user = (content: string) => ({ type: "message", role: "user", content });
    expect(JSON.parse(call.text).input).toEqual([
      user("first"),
      said("msg_resp_k1", "said in resp_k1"),
      user("second"),
      said("msg_resp_k2", "said in resp_k2"),
      user("third"),
    ]);
    expect(call.text).not.toContain("once");
    expect(call.text).not.toContain("previous_response_id");
  });

  it("is found by the ids of items, and kept in their place", async () => {
    await keep("resp_r1");
    const reference = { type: "item_reference", id: "msg_resp_r1" };
    const input = [reference, { role: "user", content: "more" }];
    const { call, keep: keepIt } = await keeping({ input }, { callId: "call_r2" });
    const resolved = [said("msg_resp_r1", "said in resp_r1"), { role: "user", content: "more" }];
    expect(JSON.parse(call.text).input).toEqual(resolved);
    expect(call.request?.().messages.map(({ role }) => role)).toEqual(["assistant", "user"]);
    await keepIt?.({ output: [] });
    expect((await readResponse({ env, projectId, id: "resp_r2" }))?.input).toEqual(resolved);
  });

  it("is refused where it is not there", async () => {
    await expect(keeping({ previous_response_id: "resp_never" })).rejects.toMatchObject({
      status: 400,
      code: "previous_response_not_found",
      param: "previous_response_id",
    });
  });

  it("threat: what was said on the owner's nodes alone leaves with a later call", async () => {
    await keep("resp_home", {}, { mayLeave: false });
    await keep("resp_home2", { previous_response_id: "resp_home" }, { mayLeave: false });
    await expect(keeping({ previous_response_id: "resp_home2" })).rejects.toMatchObject({
      code: "conversation_must_stay",
      param: "previous_response_id",
    });
    const reference = [{ type: "item_reference", id: "msg_resp_home" }];
    await expect(keeping({ input: reference })).rejects.toMatchObject({
      code: "conversation_must_stay",
      param: "input",
    });
    const { call } = await keeping({ previous_response_id: "resp_home2" }, { mayLeave: false });
    expect(call.text).toContain("said in resp_home");
  });
});
