import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, isStepCount, type LanguageModel, Output, streamText, tool } from "ai";
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

const PROMPT = "What is the weather in Zürich?";
const Weather = z.object({ city: z.string(), degrees: z.number() });

let world: ClientWorld;
beforeAll(async () => {
  // It warns of every model that it does not know by name.
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
  world = await startClientWorld();
});
afterAll(() => world.close());

/** The SDK's providers, each with the endpoint that it asks. */
const PROVIDERS: readonly (readonly [string, (name: string, apiKey?: string) => LanguageModel])[] = [
  [
    "openai, responses",
    (name, apiKey = API_KEY) => createOpenAI({ baseURL: `${world.gateway.url}/v1`, apiKey }).responses(name),
  ],
  [
    "openai, chat",
    (name, apiKey = API_KEY) => createOpenAI({ baseURL: `${world.gateway.url}/v1`, apiKey }).chat(name),
  ],
  [
    "anthropic",
    (name, apiKey = API_KEY) => createAnthropic({ baseURL: `${world.gateway.url}/v1`, apiKey })(name),
  ],
  [
    "openai-compatible",
    (name, apiKey = API_KEY) =>
      createOpenAICompatible({
        name: "routelet",
        baseURL: `${world.gateway.url}/v1`,
        apiKey,
        includeUsage: true,
        supportsStructuredOutputs: true,
      })(name),
  ],
];

describe.each(PROVIDERS)("the AI SDK's provider %s", (_provider, modelOf) => {
  describe.each(BACKENDS)("with %s", (_backend, prefix) => {
    const model = (apiKey?: string) => modelOf(`${prefix}x`, apiKey);

    it("answers plainly and streamed, with usage", async () => {
      const whole = await generateText({ model: model(), prompt: PROMPT, maxRetries: 0 });
      expect(whole).toMatchObject({
        text: PLAIN_WORDS,
        finishReason: "stop",
        usage: { inputTokens: 8, outputTokens: 4 },
      });
      const stream = streamText({ model: model(), prompt: PROMPT, maxRetries: 0 });
      const pieces: string[] = [];
      for await (const piece of stream.textStream) pieces.push(piece);
      expect(pieces.join("")).toBe(PLAIN_WORDS);
      expect(await stream.finishReason).toBe("stop");
      expect(await stream.usage).toMatchObject({ inputTokens: 8, outputTokens: 4 });
    });

    it("runs its own tool loop, whole and streamed", async () => {
      const seen: unknown[] = [];
      const weather = tool({
        description: "The weather",
        inputSchema: z.object({ city: z.string() }),
        execute: async (given) => {
          seen.push(given);
          return "sunny";
        },
      });
      const asked = { prompt: PROMPT, tools: { weather }, stopWhen: isStepCount(3), maxRetries: 0 };
      const whole = await generateText({ model: model(), ...asked });
      expect(whole.text).toBe(FINAL_WORDS);
      const stream = streamText({ model: model(), ...asked });
      await stream.consumeStream();
      expect((await stream.steps).at(-1)?.text).toBe(FINAL_WORDS);
      expect(seen).toEqual([WEATHER_ARGUMENTS, WEATHER_ARGUMENTS]);
    });

    it("makes objects, whole and streamed", async () => {
      const asked = { prompt: PROMPT, output: Output.object({ schema: Weather }), maxRetries: 0 };
      expect((await generateText({ model: model(), ...asked })).output).toEqual(OBJECT);
      const stream = streamText({ model: model(), ...asked });
      await stream.consumeStream();
      expect(await stream.output).toEqual(OBJECT);
    });

    it("tells errors by their status, and which may pass", async () => {
      const errorOf = async (asked: LanguageModel): Promise<APICallError> => {
        try {
          await generateText({ model: asked, prompt: PROMPT, maxRetries: 0 });
        } catch (error) {
          if (APICallError.isInstance(error)) return error;
          throw error;
        }
        throw new Error("no error was raised");
      };
      expect(await errorOf(model("wrong"))).toMatchObject({ statusCode: 401, isRetryable: false });
      expect(await errorOf(modelOf(`${prefix}${BUSY}`))).toMatchObject({
        statusCode: 429,
        isRetryable: true,
      });
      const broken = await errorOf(modelOf(`${prefix}${BROKEN}`));
      expect(broken.statusCode).toBeGreaterThanOrEqual(500);
      expect(broken.isRetryable).toBe(true);
    });
  });
});
