import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
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

let world: ClientWorld;
let anthropic: Anthropic;
const client = (apiKey: string) => new Anthropic({ baseURL: world.gateway.url, apiKey, maxRetries: 0 });

beforeAll(async () => {
  world = await startClientWorld();
  anthropic = client(API_KEY);
});
afterAll(() => world.close());

const textOf = ({ content }: { content: { type: string; text?: unknown }[] }) =>
  content.map(({ text }) => text ?? "").join("");

describe.each(BACKENDS)("the Anthropic SDK with %s", (_name, prefix) => {
  const body = {
    model: `${prefix}x`,
    max_tokens: 100,
    messages: [{ role: "user" as const, content: "What is the weather in Zürich?" }],
  };

  it("answers plainly and streamed", async () => {
    expect(textOf(await anthropic.messages.create(body))).toBe(PLAIN_WORDS);
    const stream = anthropic.messages.stream(body);
    const pieces: string[] = [];
    stream.on("text", (delta) => pieces.push(delta));
    expect(textOf(await stream.finalMessage())).toBe(PLAIN_WORDS);
    expect(pieces.join("")).toBe(PLAIN_WORDS);
  });

  it.each([
    ["whole", false],
    ["streamed", true],
  ])("runs the SDK's own tool loop, %s", async (_how, stream) => {
    const seen: unknown[] = [];
    const tool = {
      name: "weather",
      type: "custom" as const,
      description: "The weather",
      input_schema: { type: "object" as const, properties: { city: { type: "string" } } },
      parse: (given: unknown) => given,
      run: (given: unknown) => {
        seen.push(given);
        return "sunny";
      },
    };
    const asked = { ...body, tools: [tool] };
    const runner = stream
      ? anthropic.beta.messages.toolRunner({ ...asked, stream: true })
      : anthropic.beta.messages.toolRunner(asked);
    expect(textOf(await runner.runUntilDone())).toBe(FINAL_WORDS);
    expect(seen).toEqual([WEATHER_ARGUMENTS]);
  });

  it("parses structured output", async () => {
    const message = await anthropic.messages.parse({
      ...body,
      output_config: { format: zodOutputFormat(Weather) },
    });
    expect(message.parsed_output).toEqual(OBJECT);
  });

  it("raises the SDK's own errors", async () => {
    await expect(client("wrong").messages.create(body)).rejects.toThrow(Anthropic.AuthenticationError);
    for (const stream of [false, true]) {
      const ask = (name: string) => anthropic.messages.create({ ...body, model: `${prefix}${name}`, stream });
      await expect(ask(BUSY)).rejects.toThrow(Anthropic.RateLimitError);
      await expect(ask(BROKEN)).rejects.toThrow(Anthropic.InternalServerError);
    }
  });
});
