import { describe, expect, it } from "vitest";
import type { Env } from "../../env.ts";
import { DEFAULT_SETTINGS } from "../../settings.ts";
import { passedPath } from "./passed-path.ts";
import { type PickOptions, pickProvider } from "./pick-provider.ts";

function pick(path: string, env: Partial<Env>, more: Partial<PickOptions> = {}): string {
  const route = passedPath(new URL(path, "http://gateway"));
  if (route === null) throw new Error(`${path} is of no family`);
  try {
    const { provider, model } = pickProvider({
      env: env as Env,
      settings: DEFAULT_SETTINGS,
      route,
      method: "POST",
      named: null,
      model: null,
      keyed: new Map(),
      anthropicClient: false,
      now: 0,
      ...more,
    });
    return `${provider.name} ${model}`;
  } catch (thrown) {
    const { code, message } = thrown as { code: string; message: string };
    return `${code}: ${message}`;
  }
}

const OPENAI = { OPENAI_API_KEY: "k" };
const GROQ = { GROQ_API_KEY: "k" };
const alias = (model: string) => ({
  ...DEFAULT_SETTINGS,
  models: [{ name: "mine", targets: [{ model, weight: 1 }], fallbacks: [], policy: {} }],
});

describe("pickProvider", () => {
  it.each<[string, string, Partial<Env>, Partial<PickOptions>, string]>([
    ["OpenAI where nobody is named", "/v1/files", { ...OPENAI, ...GROQ }, {}, "openai null"],
    ["who has it where OpenAI is not set", "/v1/files", GROQ, {}, "groq null"],
    ["by the model's prefix", "/v1/audio/speech", { ...OPENAI, ...GROQ }, { model: "groq/w" }, "groq w"],
    ["by whose model it is", "/v1/audio/speech", { ...OPENAI, ...GROQ }, { model: "tts-1" }, "openai tts-1"],
    ["by an alias", "/v1/audio/speech", GROQ, { model: "mine", settings: alias("groq/w") }, "groq w"],
    [
      "by the header, whatever the model",
      "/v1/files",
      { ...OPENAI, ...GROQ },
      { named: "groq" },
      "groq null",
    ],
    ["by the caller's own key", "/v1/files", {}, { keyed: new Map([["openai", "k"]]) }, "openai null"],
  ])("finds the provider: %s", (_name, path, env, more, wanted) => {
    expect(pick(path, env, more)).toBe(wanted);
  });

  it.each<[string, string, Partial<Env>, Partial<PickOptions>, RegExp]>([
    [
      "the provider lacks",
      "/v1/images/generations",
      { ...OPENAI, ...GROQ },
      { model: "groq/w" },
      /^unsupported_endpoint: groq has no POST \/v1\/images\/generations\. .*: openai\.$/,
    ],
    ["nobody has", "/v1/rerank", OPENAI, {}, /^unsupported_endpoint: openai has no .* No provider/],
    ["has no key", "/v1/files", {}, {}, /^provider_not_configured: .*OPENAI_API_KEY/],
    ["nobody knows", "/v1/files", OPENAI, { named: "nobody" }, /^unknown_provider: .*`nobody`.*groq/],
    [
      "is OpenAI's, for a client of Anthropic's",
      "/v1/files",
      OPENAI,
      { anthropicClient: true },
      /^unsupported_endpoint: anthropic/,
    ],
  ])("refuses by name what %s", (_name, path, env, more, wanted) => {
    expect(pick(path, env, more)).toMatch(wanted);
  });
});
