import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { BACKENDS, type ClientWorld, startClientWorld } from "./harness/clients.ts";
import { API_KEY } from "./harness/gateway.ts";
import {
  BROKEN,
  BUSY,
  FINAL_WORDS,
  OBJECT,
  PLAIN_WORDS,
  WEATHER_ARGUMENTS,
} from "./harness/scripted-model.ts";

const Weather = z.object({ city: z.string(), degrees: z.number() });
const QUESTION = "What is the weather in Zürich?";

let world: ClientWorld;
let openai: OpenAI;
const client = (apiKey: string) => new OpenAI({ baseURL: `${world.gateway.url}/v1`, apiKey, maxRetries: 0 });

beforeAll(async () => {
  world = await startClientWorld();
  openai = client(API_KEY);
});
afterAll(() => world.close());

describe.each(BACKENDS)("the OpenAI SDK with %s", (_name, prefix) => {
  const model = `${prefix}x`;
  const messages = [{ role: "user" as const, content: QUESTION }];

  it("answers plainly and streamed, in both of its APIs", async () => {
    const whole = await openai.chat.completions.create({ model, messages });
    expect(whole.choices[0]?.message.content).toBe(PLAIN_WORDS);
    const pieces: string[] = [];
    const stream = openai.chat.completions.stream({ model, messages });
    for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta.content ?? "");
    expect(pieces.join("")).toBe(PLAIN_WORDS);
    expect((await openai.responses.create({ model, input: QUESTION })).output_text).toBe(PLAIN_WORDS);
    const final = await openai.responses.stream({ model, input: QUESTION }).finalResponse();
    expect(final.output_text).toBe(PLAIN_WORDS);
  });

  it.each([
    ["whole", false],
    ["streamed", true],
  ])("runs the SDK's own tool loop, %s", async (_how, stream) => {
    const seen: unknown[] = [];
    const tool = {
      type: "function" as const,
      function: {
        name: "weather",
        description: "The weather",
        parameters: { type: "object", properties: { city: { type: "string" } } },
        parse: JSON.parse,
        function: (given: object) => {
          seen.push(given);
          return "sunny";
        },
      },
    };
    const body = { model, messages, tools: [tool] };
    const runner = stream
      ? openai.chat.completions.runTools({ ...body, stream: true })
      : openai.chat.completions.runTools(body);
    expect(await runner.finalContent()).toBe(FINAL_WORDS);
    expect(seen).toEqual([WEATHER_ARGUMENTS]);
  });

  it("parses structured output", async () => {
    const chat = await openai.chat.completions.parse({
      model,
      messages,
      response_format: zodResponseFormat(Weather, "weather_report"),
    });
    expect(chat.choices[0]?.message.parsed).toEqual(OBJECT);
    const response = await openai.responses.parse({
      model,
      input: QUESTION,
      text: { format: zodTextFormat(Weather, "weather_report") },
    });
    expect(response.output_parsed).toEqual(OBJECT);
  });

  it("raises the SDK's own errors", async () => {
    const wrong = client("wrong");
    await expect(wrong.chat.completions.create({ model, messages })).rejects.toThrow(
      OpenAI.AuthenticationError,
    );
    await expect(wrong.responses.create({ model, input: "x" })).rejects.toThrow(OpenAI.AuthenticationError);
    for (const stream of [false, true]) {
      const ask = (name: string) =>
        openai.chat.completions.create({ model: `${prefix}${name}`, messages, stream });
      await expect(ask(BUSY)).rejects.toThrow(OpenAI.RateLimitError);
      await expect(ask(BROKEN)).rejects.toThrow(OpenAI.InternalServerError);
    }
    await expect(openai.responses.create({ model: `${prefix}${BUSY}`, input: "x" })).rejects.toThrow(
      OpenAI.RateLimitError,
    );
  });
});
