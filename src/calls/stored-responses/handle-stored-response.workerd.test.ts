import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { downD1 } from "../../db/fixtures/down-d1.ts";
import { keepResponse } from "../../ledger/responses/kept-responses.ts";
import { handleStoredResponse, isStoredResponsePath } from "./handle-stored-response.ts";

type Json = Record<string, unknown>;

async function send(method: string, path: string, database: D1Database = env.DB) {
  const ctx = createExecutionContext();
  const request = new Request(`http://gateway/v1/responses/${path}`, {
    method,
    headers: { authorization: "Bearer api-key-for-tests" },
  });
  const response = await handleStoredResponse(request, { ...env, DB: database }, ctx);
  await waitOnExecutionContext(ctx);
  return { status: response.status, body: (await response.json()) as Json };
}

const keep = (id: string, input: Json[], previousId: string | null = null) =>
  keepResponse({
    env,
    projectId: "default",
    id,
    previousId,
    content: {
      input,
      response: { id, object: "response", output: [{ id: `msg_of_${id}`, type: "message" }] },
    },
    now: Date.now(),
    keepMs: 60_000,
  });

const items = (count: number): Json[] =>
  Array.from({ length: count }, (_, at) => ({
    id: `item_${at}`,
    type: "function_call_output",
    call_id: "c",
  }));
const idsOf = ({ body }: { body: Json }) => (body.data as Json[]).map(({ id }) => id);

describe("a stored response", () => {
  it("is read and deleted by its id, with D1 down", async () => {
    await keep("resp_h1", []);
    await send("GET", "resp_h1");
    expect(await send("GET", "resp_h1", downD1())).toMatchObject({ status: 200, body: { id: "resp_h1" } });
    expect(await send("DELETE", "resp_h1", downD1())).toEqual({
      status: 200,
      body: { id: "resp_h1", object: "response", deleted: true },
    });
    for (const method of ["GET", "DELETE"])
      expect(await send(method, "resp_h1")).toMatchObject({
        status: 404,
        body: { error: { code: "response_not_found" } },
      });
  }, 30_000);

  it.each([
    ["POST", "resp_x/cancel", 404, "response_not_found", "resp_x"],
    ["POST", "resp_bad_stream/cancel", 400, "invalid_value", "background"],
    ["GET", "resp_x/cancel", 405, "method_not_allowed", "POST"],
    ["POST", "resp_x", 405, "method_not_allowed", "GET or DELETE"],
    ["DELETE", "resp_x/input_items", 405, "method_not_allowed", "GET"],
    ["GET", "resp_x?stream=true", 404, "response_not_found", "resp_x"],
    ["GET", "resp_bad_stream?stream=true&starting_after=x", 400, "invalid_value", "starting_after"],
    ["GET", "resp_x/input_items", 404, "response_not_found", "resp_x"],
    ["GET", "%E0%A4%A", 404, "response_not_found", ""],
  ])("refuses %s %s with %i %s", async (method, path, status, code, says) => {
    await keep("resp_bad_stream", []);
    const answer = await send(method, path);
    expect(answer).toMatchObject({ status, body: { error: { code } } });
    expect((answer.body.error as Json).message).toContain(says);
  });

  it("is read as a stream, from wherever the client was", async () => {
    await keep("resp_s1", []);
    const numbers = async (query: string) => {
      const ctx = createExecutionContext();
      const url = `http://gateway/v1/responses/resp_s1?stream=true${query}`;
      const headers = { authorization: "Bearer api-key-for-tests" };
      const response = await handleStoredResponse(new Request(url, { headers }), env, ctx);
      expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
      return [...(await response.text()).matchAll(/"sequence_number":(\d+)/g)].map(([, number]) =>
        Number(number),
      );
    };
    expect(await numbers("")).toEqual([0, 1, 2, 3, 4]);
    expect(await numbers("&starting_after=2")).toEqual([3, 4]);
    // Who is further than what is told is told the end.
    expect(await numbers("&starting_after=4")).toEqual([5]);
    expect(await numbers("&starting_after=90")).toEqual([91]);
  });

  it("is none of the endpoints that are named like one", () => {
    expect(isStoredResponsePath("/v1/responses/resp_1")).toBe(true);
    expect(isStoredResponsePath("/v1/responses/compact_1")).toBe(true);
    for (const other of ["compact", "input_tokens", "", "resp_1/other"])
      expect(isStoredResponsePath(`/v1/responses/${other}`), other).toBe(false);
  });
});

describe("the input items of a stored response", () => {
  const all = Array.from({ length: 25 }, (_, at) => `item_${at}`);

  it("are listed newest first, a page at a time, in either direction and order", async () => {
    await keep("resp_list", items(25));
    const list = (query: string) => send("GET", `resp_list/input_items${query}`);
    expect(await list("")).toMatchObject({
      body: { object: "list", first_id: "item_24", last_id: "item_5", has_more: true },
    });
    expect(idsOf(await list("?order=asc&limit=100"))).toEqual(all);
    expect(idsOf(await list("?order=asc&limit=2&after=item_3"))).toEqual(["item_4", "item_5"]);
    expect(idsOf(await list("?limit=2&after=item_3"))).toEqual(["item_2", "item_1"]);
    expect(idsOf(await list("?order=asc&limit=2&before=item_2"))).toEqual(["item_0", "item_1"]);
    expect(await list("?after=item_0")).toMatchObject({
      body: { data: [], first_id: null, last_id: null, has_more: false },
    });
    const seen: unknown[] = [];
    for (let after = ""; ; ) {
      const { body } = await list(`?limit=7${after}`);
      seen.push(...(body.data as Json[]).map(({ id }) => id));
      if (body.has_more !== true) break;
      after = `&after=${body.last_id}`;
    }
    expect(seen).toEqual([...all].reverse());
  });

  it.each(["limit=0", "limit=101", "limit=x", "order=up", "after=item_99", "before=item_99"])(
    "refuse ?%s by its name",
    async (query) => {
      await keep("resp_bad", items(1));
      const { status, body } = await send("GET", `resp_bad/input_items?${query}`);
      expect(status).toBe(400);
      expect(body.error).toMatchObject({ param: query.split("=")[0] });
    },
  );

  it("are all that the model was given: what was said before is among them", async () => {
    await keep("resp_t1", [{ type: "message", role: "user", content: "first" }]);
    await keep("resp_t2", [{ role: "user", content: "second" }], "resp_t1");
    const { body } = await send("GET", "resp_t2/input_items?order=asc");
    expect(body.data).toMatchObject([
      { type: "message", role: "user", content: [{ type: "input_text", text: "first" }] },
      { id: "msg_of_resp_t1" },
      { type: "message", role: "user", content: [{ type: "input_text", text: "second" }] },
    ]);
    const ids = (body.data as Json[]).map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
    expect(idsOf(await send("GET", "resp_t2/input_items?order=asc"))).toEqual(ids);
  });
});
