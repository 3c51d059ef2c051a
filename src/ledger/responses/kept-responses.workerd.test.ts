import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { downD1 } from "../../db/fixtures/down-d1.ts";
import { ledgerShard } from "../shards.ts";
import { deleteResponse, keepResponse, readConversation, readResponse } from "./kept-responses.ts";
import { responseShard } from "./response-id.ts";

const projectId = "default";
const content = (text: string) => ({
  input: [{ type: "message", role: "user", content: text }],
  response: { id: text, object: "response", output: [{ type: "message", content: text }] },
});

const keep = (id: string, previousId: string | null = null, text = id) =>
  keepResponse({ env, projectId, id, previousId, content: content(text), now: Date.now() });

describe("kept responses", () => {
  it("are read the moment they are kept, after an eviction, and with D1 down", async () => {
    await keep("resp_a");
    await evictDurableObject(ledgerShard(env, responseShard("resp_a", env)));
    const down = { ...env, DB: downD1() };
    expect(await readResponse({ env: down, projectId, id: "resp_a" })).toEqual({
      content: content("resp_a"),
      previousId: null,
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

  it("threat: stand in the object encrypted", async () => {
    await keep("resp_secret", null, "canary-in-a-response");
    const stub = ledgerShard(env, responseShard("resp_secret", env));
    await runInDurableObject(stub, (_object, state) => {
      const rows = state.storage.sql
        .exec("SELECT * FROM responses_pieces WHERE id = 'resp_secret'")
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
    expect(read?.content).toEqual(content(large));
  });

  it("are replaced as a whole when they are kept again", async () => {
    await keep("resp_twice", null, "first");
    await keep("resp_twice", null, "second");
    expect((await readResponse({ env, projectId, id: "resp_twice" }))?.content).toEqual(content("second"));
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
      const { left } = state.storage.sql
        .exec<{ left: number }>("SELECT count(*) AS left FROM responses")
        .one();
      expect(left).toBe(0);
    });
  });
});
