import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BACKENDS, type ClientWorld, startClientWorld } from "../harness/clients.ts";
import { API_KEY } from "../harness/gateway.ts";
import { startTestNode } from "../harness/node.ts";
import { makePythonEnvironment, PYTHON, type PythonEnvironment } from "../harness/python.ts";
import { FINAL_WORDS, OBJECT, PLAIN_WORDS, WEATHER_ARGUMENTS } from "../harness/scripted-model.ts";

const SCRIPTS = resolve(import.meta.dirname, "python");

let python: PythonEnvironment;
let world: ClientWorld;

beforeAll(async () => {
  if (PYTHON === undefined) return;
  python = await makePythonEnvironment(resolve(SCRIPTS, "requirements.txt"));
  world = await startClientWorld();
});

afterAll(async () => {
  if (PYTHON === undefined) return;
  await world.close();
  await python.remove();
});

const SDK_ERRORS = {
  wrong_key: "AuthenticationError",
  busy: "RateLimitError",
  broken: "InternalServerError",
  unknown_model: "NotFoundError",
  wrong_type: "BadRequestError",
};

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

/**
 * Each client's script, in how many of its own ways it asks (its chat, responses and messages classes), and what it
 * raises.
 */
const CLIENTS = [
  { name: "the OpenAI SDK", script: "openai_sdk", ways: 2, errors: SDK_ERRORS },
  { name: "the Anthropic SDK", script: "anthropic_sdk", ways: 1, errors: SDK_ERRORS },
  {
    name: "LangChain",
    script: "langchain",
    ways: 3,
    errors: {
      wrong_key: ["OpenAIAuthenticationError", "OpenAIAuthenticationError", "AnthropicAuthenticationError"],
      busy: ["OpenAIRateLimitError", "OpenAIRateLimitError", "AnthropicRateLimitError"],
      broken: ["OpenAIAPIError", "OpenAIAPIError", "AnthropicAPIError"],
    },
  },
  {
    name: "pydantic-ai",
    script: "pydantic_agent",
    ways: 3,
    errors: { wrong_key: times(3, 401), busy: times(3, 429), broken: times(3, 500) },
  },
  {
    name: "the OpenAI Agents SDK",
    script: "agents_sdk",
    ways: 2,
    errors: {
      wrong_key: times(2, "AuthenticationError"),
      busy: times(2, "RateLimitError"),
      broken: times(2, "InternalServerError"),
    },
  },
];

interface Seen {
  plain: string[];
  streamed: string[];
  tokens: number[];
  tool: string[];
  arguments: object[];
  object: object[];
  errors: object;
}

describe.skipIf(PYTHON === undefined).each(CLIENTS)("$name", ({ script, ways, errors }) => {
  test.each(BACKENDS)(
    "talks, streams, calls tools, makes objects and raises its errors with %s",
    async (_name, prefix) => {
      const env = { GATEWAY: world.gateway.url, KEY: API_KEY, MODEL_PREFIX: prefix };
      const seen = (await python.run(resolve(SCRIPTS, `${script}.py`), env)) as Seen;
      expect(seen.plain).toEqual(times(ways, PLAIN_WORDS));
      expect(seen.streamed).toEqual(times(ways, PLAIN_WORDS));
      expect(seen.tokens).toEqual(times(ways, 8));
      expect(seen.tool.length).toBeGreaterThanOrEqual(ways);
      expect(new Set(seen.tool)).toEqual(new Set([FINAL_WORDS]));
      expect(seen.arguments).toEqual(times(seen.tool.length, WEATHER_ARGUMENTS));
      expect(seen.object.length).toBeGreaterThanOrEqual(ways);
      expect(seen.object).toEqual(times(seen.object.length, OBJECT));
      expect(seen.errors).toEqual(errors);
    },
  );
});

test.skipIf(PYTHON === undefined)("every client gets words from the starter model", async () => {
  const node = await startTestNode({ gateway: world.gateway });
  try {
    const env = { GATEWAY: world.gateway.url, KEY: API_KEY, MODEL: "slm" };
    const said = (await python.run(resolve(SCRIPTS, "starter_model.py"), env)) as Record<string, string>;
    expect(Object.keys(said)).toHaveLength(6);
    for (const words of Object.values(said)) expect(words).toMatch(/\w/);
  } finally {
    await node.close();
  }
});
