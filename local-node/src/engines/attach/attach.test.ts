import { once } from "node:events";
import type { ServerResponse } from "node:http";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { startCall } from "../test-call.ts";
import { fromEngineHeaders, toEngineHeaders } from "./headers.ts";
import { parseModelList } from "./list-models.ts";
import { attachTo, closeAll, json } from "./test-attach.ts";

afterEach(closeAll);

describe("the attached engine's bytes", () => {
  it("pass untouched in both directions", async () => {
    const odd = '{ "model":"m",\t"x" : 1.0, "messages":[] , "u":"\\u00e9"}\n';
    const reply = 'data: {"a" : 1.50}\r\n\r\n: comment\n\ndata: [DONE]\n\n';
    const seen: string[] = [];
    const { engine } = await attachTo((request, response, body) => {
      seen.push(`${request.method} ${request.url}`, body.toString());
      response.writeHead(200, { "content-type": "text/event-stream" }).end(reply);
    });
    const response = await engine.handle({
      method: "POST",
      path: "/v1/chat/completions",
      headers: { "content-type": "application/json" },
      body: new TextEncoder().encode(odd),
      deadlineMs: 1000,
      signal: new AbortController().signal,
      model: "m",
      phases: {},
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe(reply);
    expect(seen).toEqual(["POST /v1/chat/completions", odd]);
  });

  it("come as the engine sends them, without waiting for the end", async () => {
    const held: ServerResponse[] = [];
    const { engine } = await attachTo((_, response) => {
      held.push(response);
      response.write("data: 1\n\n");
    });
    const call = await startCall(engine, { stream: true });
    expect(new TextDecoder().decode((await call.body.next()).value)).toBe("data: 1\n\n");
    held[0]?.write("data: 2\n\n");
    expect(new TextDecoder().decode((await call.body.next()).value)).toBe("data: 2\n\n");
    held[0]?.end();
    expect((await call.body.next()).done).toBe(true);
  });

  it.each([400, 404, 429, 500])("keep an engine's own error: %i", async (status) => {
    const error = { error: { message: "theirs", code: "own_code" } };
    const { engine } = await attachTo((_, response) => {
      response.setHeader("retry-after", "7");
      json(response, error, status);
    });
    const call = await startCall(engine, {});
    expect([call.status, call.headers["retry-after"]]).toEqual([status, "7"]);
    expect(JSON.parse(await call.text())).toEqual(error);
  });

  it("wait in the engine when their reader is slow, instead of in memory", async () => {
    let written = 0;
    const { engine } = await attachTo(async (_, response) => {
      response.on("close", () => response.emit("drain"));
      const chunk = Buffer.alloc(64 * 1024, "x");
      while (!response.destroyed && written < 256 * 1024 * 1024) {
        written += chunk.byteLength;
        if (!response.write(chunk)) await once(response, "drain");
      }
    });
    const call = await startCall(engine, { stream: true });
    await call.body.next();
    let before = -1;
    await vi.waitFor(
      () => {
        const stalled = written === before;
        before = written;
        expect(stalled).toBe(true);
      },
      { timeout: 4000, interval: 300 },
    );
    expect(written).toBeLessThan(64 * 1024 * 1024);
    await call.body.return?.();
  });
});

describe("the attached engine's headers", () => {
  it("carry the engine's key and the trace, and nothing of the gateway or of the hop", () => {
    const headers = toEngineHeaders(
      {
        "content-type": "application/json",
        traceparent: "00-a-b-01",
        authorization: "Bearer agent",
        "x-api-key": "agent",
        cookie: "a=b",
        "x-routelet-session": "s",
        host: "gateway",
        connection: "keep-alive, x-own",
        "x-own": "1",
        "transfer-encoding": "chunked",
        "accept-encoding": "gzip, br",
      },
      "engine-key",
    );
    expect(headers).toEqual({
      "content-type": "application/json",
      traceparent: "00-a-b-01",
      "accept-encoding": "identity",
      authorization: "Bearer engine-key",
    });
    expect(toEngineHeaders({ authorization: "Bearer agent" }, undefined)).not.toHaveProperty("authorization");
  });

  it("never leak a credential of the caller, however they are combined", () => {
    const name = fc.constantFrom("authorization", "cookie", "x-api-key", "x-routelet-a", "te", "accept");
    fc.assert(
      fc.property(fc.dictionary(name, fc.constant("secret")), (headers) => {
        const { accept: _, ...rest } = toEngineHeaders(headers, undefined);
        expect(Object.values(rest)).not.toContain("secret");
      }),
    );
  });

  it("come back without those of the hop and without cookies", () => {
    expect(
      fromEngineHeaders({
        "Content-Type": "text/event-stream",
        "set-cookie": ["a=b"],
        "transfer-encoding": "chunked",
        "content-length": "3",
        "x-request-id": "r",
        vary: ["a", "b"],
      }),
    ).toEqual({ "content-type": "text/event-stream", "x-request-id": "r", vary: "a, b" });
  });
});

describe("the attached engine's failures", () => {
  it("say that nobody answers, in a way that may be tried again", async () => {
    const { engine, server } = await attachTo((_, response) => void response.end());
    await server.close();
    await expect(startCall(engine, {})).rejects.toMatchObject({
      code: "engine_unreachable",
      status: 503,
      retryable: true,
    });
  });

  it("come after all that the engine sent before it broke off", async () => {
    const { engine } = await attachTo((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n", () => response.write("data: 2\n\n", () => response.destroy()));
    });
    const call = await startCall(engine, { stream: true });
    // The break is there before anybody reads.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const decoder = new TextDecoder();
    let text = "";
    const readOn = async (): Promise<void> => {
      for (;;) text += decoder.decode((await call.body.next()).value, { stream: true });
    };
    await expect(readOn()).rejects.toMatchObject({ code: "engine_failed" });
    expect(text).toBe("data: 1\n\ndata: 2\n\n");
  });

  it("end the engine's request when the caller leaves", async () => {
    let closed = false;
    const { engine } = await attachTo((_, response) => {
      response.on("close", () => {
        closed = true;
      });
      response.write("data: 1\n\n");
    });
    const cancel = new AbortController();
    const call = await startCall(engine, { stream: true }, { signal: cancel.signal });
    await call.body.next();
    cancel.abort();
    await expect(call.body.next()).rejects.toMatchObject({ code: "cancelled" });
    await vi.waitFor(() => expect(closed).toBe(true), { timeout: 20_000 });
  });

  it("end the engine's request when the caller leaves before the head", async () => {
    let closed = false;
    const cancel = new AbortController();
    const { engine } = await attachTo((_, response) => {
      response.on("close", () => {
        closed = true;
      });
      cancel.abort();
    });
    await expect(startCall(engine, {}, { signal: cancel.signal })).rejects.toMatchObject({
      code: "cancelled",
    });
    await vi.waitFor(() => expect(closed).toBe(true), { timeout: 20_000 });
  });
});

describe("the attached engine's models", () => {
  it("are those that it lists, with their context sizes, and change with it", async () => {
    let data: object[] = [{ id: "a", max_model_len: 4096 }, { id: "b" }];
    const { engine } = await attachTo((_, response) => json(response, { data }), { models: undefined });
    const listed = () => engine.models().map(({ id, contextTokens }) => [id, contextTokens]);
    expect(listed()).toEqual([
      ["a", 4096],
      ["b", null],
    ]);
    let changes = 0;
    engine.onChange(() => {
      changes++;
    });
    data = [{ id: "c" }];
    await engine.refresh();
    await engine.refresh();
    expect([listed(), changes]).toEqual([[["c", null]], 1]);
  });

  it("appear later when nobody answers at the start, and survive one missed look", async () => {
    let up = false;
    const { engine } = await attachTo(
      (_, response) => (up ? json(response, { data: [{ id: "a" }] }) : json(response, {}, 503)),
      { models: undefined },
    );
    expect(engine.models()).toEqual([]);
    up = true;
    await engine.refresh();
    expect(engine.models()).toHaveLength(1);
    up = false;
    await engine.refresh();
    expect(engine.models()).toHaveLength(1);
    await engine.refresh();
    expect(engine.models()).toEqual([]);
  });

  it.each([[{ data: [{ id: 3 }] }], [{}], [null], ["text"]])("are none in %j", (body) => {
    expect(parseModelList(body)).toBeNull();
  });

  it("are asked for with the engine's key", async () => {
    const keys: unknown[] = [];
    await attachTo(
      (request, response) => {
        keys.push(request.headers.authorization);
        json(response, { data: [] });
      },
      { models: undefined, apiKey: "k" },
    );
    expect(keys).toEqual(["Bearer k"]);
  });
});
