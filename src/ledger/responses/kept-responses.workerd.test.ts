import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { downD1 } from "../../db/fixtures/down-d1.ts";
import { ledgerShard } from "../shards.ts";
import { deleteResponse, keepResponse, readResponse } from "./kept-responses.ts";
import { readConversation, readItems } from "./read-conversation.ts";
import { responseShard } from "./response-id.ts";

const projectId = "default";
const content = (text: string) => ({
  input: [{ type: "message", role: "user", content: text }],
  response: { id: text, object: "response", output: [{ type: "message", content: text }] },
});

const DAY_MS = 24 * 60 * 60_000;

const keep = (id: string, previousId: string | null = null, text = id, more: object = {}) =>
  keepResponse({
    env,
    projectId,
    id,
    previousId,
    content: content(text),
    now: Date.now(),
    keepMs: 30 * DAY_MS,
    ...more,
  });

describe("kept responses", () => {
  it("are read the moment they are kept, after an eviction, and with D1 down", async () => {
    await keep("resp_a");
    await evictDurableObject(ledgerShard(env, responseShard("resp_a", env)));
    const down = { ...env, DB: downD1() };
    expect(await readResponse({ env: down, projectId, id: "resp_a" })).toEqual({
      id: "resp_a",
      ...content("resp_a"),
    });
  });

  it("give the whole conversation, oldest first, and as much of it as is left", async () => {
    await keep("resp_1");
    await keep("resp_2", "resp_1");
    await keep("resp_3", "resp_2");
    const ids = async (id: string) =>
      (await readConversation({ env, projectId, id }))?.map(({ response }) => response.id);
    expect(await ids("resp_3")).toEqual(["resp_1", "resp_2", "resp_3"]);
    await deleteResponse({ env, projectId, id: "resp_1" });
    expect(await ids("resp_3")).toEqual(["resp_2", "resp_3"]);
    expect(await ids("resp_1")).toBeUndefined();
  });

  it("threat: another project neither reads, continues nor deletes them", async () => {
    await keep("resp_mine");
    const other = { env, projectId: "other", id: "resp_mine" };
    expect(await readResponse(other)).toBeNull();
    expect(await readConversation(other)).toBeNull();
    expect(await deleteResponse(other)).toBe(false);
    expect(await readResponse({ env, projectId, id: "resp_mine" })).not.toBeNull();
  });

  it("threat: another project's provider gives out the same id, to replace or delete what is not its own", async () => {
    await keep("resp_same", null, "mine");
    const other = { env, projectId: "other", id: "resp_same" };
    await keep("resp_same", null, "theirs", other);
    expect(await readResponse({ env, projectId, id: "resp_same" })).toMatchObject(content("mine"));
    expect(await deleteResponse(other)).toBe(true);
    expect(await readResponse({ env, projectId, id: "resp_same" })).toMatchObject(content("mine"));
  });

  it("threat: stand in the object encrypted", async () => {
    await keep("resp_secret", null, "canary-in-a-response");
    const stub = ledgerShard(env, responseShard("resp_secret", env));
    await runInDurableObject(stub, (_object, state) => {
      const rows = state.storage.sql
        .exec("SELECT * FROM responses_content WHERE id = 'resp_secret'")
        .toArray();
      expect(rows).toHaveLength(1);
      const bytes = new Uint8Array(rows[0]?.bytes as ArrayBuffer);
      expect(new TextDecoder().decode(bytes)).not.toContain("canary");
    });
  });

  it("may be larger than a row", async () => {
    const large = Array.from({ length: 120_000 }, (_, at) => Math.sin(at).toString(36)).join(" ");
    await keep("resp_large", null, large);
    const read = await readResponse({ env, projectId, id: "resp_large" });
    expect(read).toMatchObject(content(large));
  });

  it("are replaced as a whole when they are kept again", async () => {
    await keep("resp_twice", null, "first");
    await keep("resp_twice", null, "second");
    expect(await readResponse({ env, projectId, id: "resp_twice" })).toMatchObject(content("second"));
  });

  it("are all given where they do not fit in one answer", async () => {
    // Random, so that it does not compress: turns of 4.5 MB, of which an answer brings four.
    const large = () =>
      Array.from({ length: 75 }, () =>
        btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(60_000)))),
      );
    const ids = Array.from({ length: 8 }, (_, at) => `resp_l${at}`);
    for (const [at, id] of ids.entries()) {
      const turn = { input: [{ content: large() }], response: { id } };
      await keep(id, ids[at - 1] ?? null, id, { content: turn });
    }
    const turns = await readConversation({ env, projectId, id: "resp_l5" });
    expect(turns?.map(({ id }) => id)).toEqual(ids.slice(0, 6));
    await expect(readConversation({ env, projectId, id: "resp_l7" })).rejects.toMatchObject({
      code: "conversation_too_long",
      param: "previous_response_id",
    });
  }, 60_000);

  it("make room for the records when the object's database is full, the oldest first", async () => {
    const stub = ledgerShard(env, responseShard("resp_room", env));
    await keep("resp_first", null, "x", { keepMs: DAY_MS });
    await runInDurableObject(stub, (object) => {
      object.maxDatabaseBytes = 1;
    });
    await keep("resp_room");
    await runInDurableObject(stub, (object) => {
      object.maxDatabaseBytes = Number.POSITIVE_INFINITY;
    });
    expect(await readResponse({ env, projectId, id: "resp_first" })).toBeNull();
    expect(await readResponse({ env, projectId, id: "resp_room" })).not.toBeNull();
  });

  it("expire after 30 days, and are deleted then", async () => {
    await keep("resp_old");
    const stub = ledgerShard(env, responseShard("resp_old", env));
    const later = Date.now() + 31 * 24 * 60 * 60_000;
    await runInDurableObject(stub, (object) => {
      object.clock = () => later;
    });
    expect(await readResponse({ env, projectId, id: "resp_old" })).toBeNull();
    await runDurableObjectAlarm(stub);
    await runInDurableObject(stub, (_object, state) => {
      for (const table of ["responses", "responses_content", "response_items"]) {
        const { left } = state.storage.sql
          .exec<{ left: number }>(`SELECT count(*) AS left FROM ${table}`)
          .one();
        expect(left, table).toBe(0);
      }
    });
    await runInDurableObject(stub, (object) => {
      object.clock = Date.now;
    });
  });
});

describe("items of kept responses", () => {
  const OWN = "01j0000000000000000000000000";
  const said = (id: string, text: string) => ({ id, type: "message", role: "assistant", content: text });
  const keepItems = (id: string, ids: readonly string[], more: object = {}) =>
    keep(id, null, id, {
      content: { input: [], response: { id, output: ids.map((item) => said(item, item)) } },
      ...more,
    });
  const read = async (itemIds: readonly string[], more: object = {}) =>
    [...(await readItems({ env, projectId, itemIds, ...more }))].map(([, { item }]) => item);

  it("are found by their ids, whoever made these", async () => {
    await keepItems("resp_up", ["msg_up", "rs_up"]);
    await keepItems(`resp_${OWN}`, [`msg_${OWN}_0`]);
    const ids = ["rs_up", `msg_${OWN}_0`, "msg_up"];
    const items = await read([...ids, ...ids]);
    expect(items).toHaveLength(3);
    expect(items).toEqual(expect.arrayContaining(ids.map((id) => said(id, id))));
  });

  it("are not found when there are none, or their response was deleted", async () => {
    await keepItems("resp_gone", ["msg_gone"]);
    await deleteResponse({ env, projectId, id: "resp_gone" });
    expect(await read(["msg_gone", "msg_never", `msg_${OWN.replace("j", "k")}_0`])).toEqual([]);
  });

  it("are not found where a provider gave their id twice: it is not known which is meant", async () => {
    await keepItems("resp_twice1", ["msg_twice"]);
    await keepItems("resp_twice1", ["msg_twice"]);
    expect(await read(["msg_twice"])).toHaveLength(1);
    await keepItems("resp_twice2", ["msg_twice"]);
    expect(await read(["msg_twice"])).toEqual([]);
  });

  it("threat: are not found by another project", async () => {
    await keepItems("resp_p", ["msg_p"]);
    expect(await read(["msg_p"], { projectId: "other" })).toEqual([]);
  });

  it("say whether they must stay on the owner's nodes", async () => {
    const content = { input: [], response: { output: [said("msg_s", "x")] }, stays: true };
    await keep("resp_s", null, "x", { content });
    expect((await readItems({ env, projectId, itemIds: ["msg_s"] })).get("msg_s")?.stays).toBe(true);
  });
});

describe("kept responses on several shards", () => {
  const shards = { ...env, ROUTELET_LEDGER_SHARDS: "16" };

  it("give the whole conversation, and items, from wherever they are", async () => {
    const ids = Array.from({ length: 12 }, (_, at) => `resp_spread_${at}`);
    expect(new Set(ids.map((id) => responseShard(id, shards))).size).toBeGreaterThan(4);
    for (const [at, id] of ids.entries()) {
      const output = [{ id: `msg_spread_${at}` }];
      const ancestors = ids.slice(0, at).reverse();
      const content = { input: [], response: { id, output }, ancestors };
      await keep(id, ids[at - 1] ?? null, id, { env: shards, content });
    }
    const turns = await readConversation({ env: shards, projectId, id: "resp_spread_11" });
    expect(turns?.map(({ id }) => id)).toEqual(ids);
    const items = await readItems({ env: shards, projectId, itemIds: ["msg_spread_3", "msg_spread_9"] });
    expect([...items.keys()].sort()).toEqual(["msg_spread_3", "msg_spread_9"]);
    await deleteResponse({ env: shards, projectId, id: "resp_spread_4" });
    const left = await readConversation({ env: shards, projectId, id: "resp_spread_11" });
    expect(left?.map(({ id }) => id)).toEqual(ids.slice(5));
  });
});
