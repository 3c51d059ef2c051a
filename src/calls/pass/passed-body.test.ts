import { describe, expect, it } from "vitest";
import { MAX_STREAM_BYTES, takeBody } from "./passed-body.ts";

const decode = (bytes: unknown) => new TextDecoder().decode(bytes as Uint8Array);

function request(body: BodyInit, headers: Record<string, string>): Request {
  const init = { method: "POST", body, headers, duplex: "half" };
  return new Request("http://gateway/v1/x", init as RequestInit);
}

const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };

describe("takeBody", () => {
  it("reads JSON for its model, and changes nothing else of it", async () => {
    const text = ' { "model":"m", "input" : "a" }';
    const body = await takeBody({ request: request(text, JSON_TYPE), unread: false, formNamesModel: false });
    expect(body.model).toBe("m");
    expect(decode(body.send(null))).toBe(text);
    expect(decode(body.send("n"))).toBe(text.replace('"m"', '"n"'));
  });

  it("has no model where the JSON names none", async () => {
    for (const text of ["{}", '{"model":3}']) {
      const body = await takeBody({
        request: request(text, JSON_TYPE),
        unread: false,
        formNamesModel: false,
      });
      expect([body.model, decode(body.send("n"))]).toEqual([
        null,
        text.replace("3", '"n"').replace("{}", '{"model":"n"}'),
      ]);
    }
  });

  it("refuses what is no JSON object", async () => {
    const taken = takeBody({ request: request("[1]", JSON_TYPE), unread: false, formNamesModel: false });
    await expect(taken).rejects.toMatchObject({ code: "invalid_type" });
  });

  it("does not read what need not be read, and keeps nothing of it", async () => {
    const asked = request('{"model":"m"}', JSON_TYPE);
    const body = await takeBody({ request: asked, unread: true, formNamesModel: true });
    expect(asked.bodyUsed).toBe(false);
    expect([body.model, body.text]).toEqual([null, null]);
    const sent = body.send(null);
    expect(await new Response(sent as ReadableStream).text()).toBe('{"model":"m"}');
  });

  it("does not take a form's model for one where that must not happen", async () => {
    const form = new FormData();
    form.append("model", "m");
    const once = request(form, {});
    const contentType = new Response(form).headers.get("content-type") ?? "";
    expect(contentType).toContain("multipart");
    const body = await takeBody({ request: once, unread: false, formNamesModel: false });
    expect(body.model).toBeNull();
  });

  it("refuses a form with two models: who reads which is not known", async () => {
    const form = new FormData();
    form.append("model", "a");
    form.append("model", "b");
    const taken = takeBody({ request: request(form, {}), unread: false, formNamesModel: true });
    await expect(taken).rejects.toMatchObject({ code: "invalid_type", param: "model" });
  });

  it("refuses a body that says it is too large before any of it is sent", async () => {
    const headers = { "content-length": String(MAX_STREAM_BYTES + 1) };
    const taken = takeBody({ request: request("x", headers), unread: true, formNamesModel: false });
    await expect(taken).rejects.toMatchObject({ code: "request_too_large" });
  });

  it("stops a body that does not say so as soon as it is", async () => {
    const chunk = new Uint8Array(64 * 1024 * 1024);
    let left = 20;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (left-- > 0) controller.enqueue(chunk);
        else controller.close();
      },
    });
    const body = await takeBody({ request: request(endless, {}), unread: true, formNamesModel: false });
    const sent = body.send(null) as ReadableStream<Uint8Array>;
    await expect(sent.pipeTo(new WritableStream())).rejects.toMatchObject({ code: "request_too_large" });
    expect(body.failure()).toMatchObject({ code: "request_too_large" });
    expect(left).toBeGreaterThan(0);
  });
});
