import { inflateSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { type Answer, attachTo, closeAll, json } from "./test-attach.ts";

afterEach(closeAll);

describe("the attached engine's capabilities", () => {
  it("are those that its answers prove: what it accepts and ignores does not count", async () => {
    const { engine } = await attachTo(
      (_, response, body) => {
        const request = JSON.parse(body.toString());
        const message = request.tools
          ? { tool_calls: [{ function: { name: "note", arguments: "{}" } }] }
          : { content: request.response_format?.type === "json_object" ? "{}" : "Hello!" };
        json(response, { choices: [{ message }] });
      },
      { probe: true },
    );
    expect(engine.models()[0]?.capabilities).toMatchObject({ chat: true, tools: false });
    await engine.probed();
    expect(engine.models()[0]?.capabilities).toEqual({
      chat: true,
      tools: true,
      jsonSchema: false,
      jsonObject: true,
      logprobs: false,
      images: false,
      audio: false,
      multipleChoices: false,
      logitBias: false,
      penalties: false,
      reasoning: false,
      embeddings: false,
      completions: false,
      suffix: false,
    });
  });

  it("are vectors alone for a model that refuses to chat", async () => {
    const { engine } = await attachTo(
      ({ url }, response) => {
        if (url === "/v1/embeddings") json(response, { data: [{ embedding: [0.5, 1] }] });
        else json(response, { error: { message: "does not support chat" } }, 400);
      },
      { probe: true },
    );
    await engine.probed();
    const able = Object.entries(engine.models()[0]?.capabilities ?? {}).filter(([, can]) => can);
    expect(able).toEqual([["embeddings", true]]);
  });

  it.each([
    ["reads", 6, true],
    ["accepts and ignores", 0, false],
  ])("include completions, and text in the middle for an engine that %s the suffix", async (_, read, can) => {
    const { engine } = await attachTo(
      ({ url }, response, body) => {
        const { suffix } = JSON.parse(body.toString());
        const usage = { prompt_tokens: 1 + (suffix === undefined ? 0 : read) };
        if (url === "/v1/completions") json(response, { choices: [{ text: "!" }], usage });
        else json(response, { choices: [{ message: { content: "Hello!" } }] });
      },
      { probe: true },
    );
    await engine.probed();
    expect(engine.models()[0]?.capabilities).toMatchObject({ completions: true, suffix: can });
  });

  it("count pictures only when the engine sees what is on them", async () => {
    const answerWith =
      (see: (url: string) => string): Answer =>
      (_, response, body) => {
        const { messages } = JSON.parse(body.toString());
        const part = Array.isArray(messages[0].content) ? messages[0].content[1] : null;
        const content = part === null ? "Hello!" : see(part.image_url.url);
        json(response, { choices: [{ message: { content } }] });
      };
    const seesRed = (url: string) => {
      const png = Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
      const start = png.indexOf("IDAT") + 4;
      const pixels = inflateSync(png.subarray(start, start + png.readUInt32BE(start - 8)));
      return pixels[1] === 255 ? "Red." : "Blue.";
    };
    const seeing = await attachTo(answerWith(seesRed), { probe: true });
    const blind = await attachTo(
      answerWith(() => "Red."),
      { probe: true },
    );
    for (const { engine } of [seeing, blind]) await engine.probed();
    const images = [seeing, blind].map(({ engine }) => engine.models()[0]?.capabilities.images);
    expect(images).toEqual([true, false]);
  });

  it("stay at plain chat with an engine that refuses or breaks every probe", async () => {
    let count = 0;
    const { engine } = await attachTo(
      (_, response) => {
        count++;
        if (count % 2 === 0) response.destroy();
        else json(response, { error: {} }, 400);
      },
      { probe: true },
    );
    await engine.probed();
    const { chat, ...others } = engine.models()[0]?.capabilities ?? { chat: false };
    expect([chat, Object.values(others).some(Boolean), count > 5]).toEqual([true, false, true]);
  });

  it("do not delay the start or the end", async () => {
    const { engine } = await attachTo(() => {}, { probe: true });
    expect(engine.models()).toHaveLength(1);
    await engine.close();
  });
});
