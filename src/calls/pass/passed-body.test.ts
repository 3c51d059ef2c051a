import { describe, expect, it } from "vitest";
import { MAX_FORM_BYTES, MAX_STREAM_BYTES, takeBody } from "./passed-body.ts";

const decode = (bytes: unknown) => new TextDecoder().decode(bytes as Uint8Array);

function request(body: BodyInit, headers: Record<string, string>): Request {
  const init = { method: "POST", body, headers, duplex: "half" };
  return new Request("http://gateway/v1/x", init as RequestInit);
}

const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };
const FILE_TYPE = { "content-type": "application/octet-stream" };

describe("takeBody", () => {
  it("reads JSON for its model, and changes nothing else of it", async () => {
    const text = ' { "model":"m", "input" : "a" }';
    const body = await takeBody({
      request: request(text, JSON_TYPE),
      providerNamed: false,
      formNamesModel: false,
    });
    expect(body.model).toBe("m");
    expect(decode(body.send(null))).toBe(text);
    expect(decode(body.send("n"))).toBe(text.replace('"m"', '"n"'));
  });

  it.each([
    ["a line break", "gpt\n5"],
    ["too many characters", "g".repeat(257)],
  ])("refuses a model's name with %s, in JSON and in a form", async (_, model) => {
    const form = new FormData();
    form.append("model", model);
    const refused = { status: 400, code: "invalid_type", param: "model" };
    const json = request(JSON.stringify({ model }), JSON_TYPE);
    await expect(
      takeBody({ request: json, providerNamed: false, formNamesModel: false }),
    ).rejects.toMatchObject(refused);
    const asForm = new Request("http://gateway/v1/x", { method: "POST", body: form });
    await expect(
      takeBody({ request: asForm, providerNamed: false, formNamesModel: true }),
    ).rejects.toMatchObject(refused);
  });

  it("has no model where the JSON names none", async () => {
    for (const text of ["{}", '{"model":3}']) {
      const body = await takeBody({
        request: request(text, JSON_TYPE),
        providerNamed: false,
        formNamesModel: false,
      });
      expect([body.model, decode(body.send("n"))]).toEqual([
        null,
        text.replace("3", '"n"').replace("{}", '{"model":"n"}'),
      ]);
    }
  });

  it("refuses what is no JSON object", async () => {
    const taken = takeBody({
      request: request("[1]", JSON_TYPE),
      providerNamed: false,
      formNamesModel: false,
    });
    await expect(taken).rejects.toMatchObject({ code: "invalid_type" });
  });

  it.each([
    ["application/x-www-form-urlencoded", "m"],
    ["text/plain", "m"],
    ["application/vnd.api+json", "m"],
    ["", "m"],
    ["application/octet-stream", null],
  ])("finds the model of JSON that is called %j", async (type, model) => {
    const text = '\n {"model":"m"}';
    const bytes = new TextEncoder().encode(text);
    const body = await takeBody({
      request: request(bytes, type === "" ? {} : { "content-type": type }),
      providerNamed: true,
      formNamesModel: false,
    });
    expect(body.model).toBe(model);
    expect(await new Response(body.send(null)).text()).toBe(text);
  });

  it("passes a body of an undecided type that is no JSON object as it is", async () => {
    const plain = request("input=a&model=b", { "content-type": "application/x-www-form-urlencoded" });
    const body = await takeBody({ request: plain, providerNamed: false, formNamesModel: false });
    expect([body.model, body.text, decode(body.send("n"))]).toEqual([null, null, "input=a&model=b"]);
  });

  it("does not read a file, and keeps nothing of it", async () => {
    const asked = request('{"model":"m"}', FILE_TYPE);
    const body = await takeBody({ request: asked, providerNamed: true, formNamesModel: true });
    expect(asked.bodyUsed).toBe(false);
    expect([body.model, body.text]).toEqual([null, null]);
    const sent = body.send(null);
    expect(await new Response(sent as ReadableStream).text()).toBe('{"model":"m"}');
  });

  it("reads a form for its model also where the provider is known, unless it is too large for that", async () => {
    const form = new FormData();
    form.append("model", "m");
    const small = await takeBody({ request: request(form, {}), providerNamed: true, formNamesModel: true });
    expect(small.model).toBe("m");
    const headers = {
      "content-type": "multipart/form-data; boundary=b",
      "content-length": String(MAX_FORM_BYTES + 1),
    };
    const large = request("x", headers);
    const passed = await takeBody({ request: large, providerNamed: true, formNamesModel: true });
    expect([passed.model, large.bodyUsed]).toEqual([null, false]);
    const unnamed = takeBody({ request: request("x", headers), providerNamed: false, formNamesModel: true });
    await expect(unnamed).rejects.toMatchObject({ code: "request_too_large" });
  });

  it("does not take a form's model for one where that must not happen", async () => {
    const form = new FormData();
    form.append("model", "m");
    const once = request(form, {});
    const contentType = new Response(form).headers.get("content-type") ?? "";
    expect(contentType).toContain("multipart");
    const body = await takeBody({ request: once, providerNamed: false, formNamesModel: false });
    expect(body.model).toBeNull();
  });

  it("refuses a form with two models: who reads which is not known", async () => {
    const form = new FormData();
    form.append("model", "a");
    form.append("model", "b");
    const taken = takeBody({ request: request(form, {}), providerNamed: false, formNamesModel: true });
    await expect(taken).rejects.toMatchObject({ code: "invalid_type", param: "model" });
  });

  it("refuses a body that says it is too large before any of it is sent", async () => {
    const headers = { ...FILE_TYPE, "content-length": String(MAX_STREAM_BYTES + 1) };
    const taken = takeBody({ request: request("x", headers), providerNamed: true, formNamesModel: false });
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
    const body = await takeBody({
      request: request(endless, FILE_TYPE),
      providerNamed: true,
      formNamesModel: false,
    });
    const sent = body.send(null) as ReadableStream<Uint8Array>;
    await expect(sent.pipeTo(new WritableStream())).rejects.toMatchObject({ code: "request_too_large" });
    expect(body.failure()).toMatchObject({ code: "request_too_large" });
    expect(left).toBeGreaterThan(0);
  });
});
