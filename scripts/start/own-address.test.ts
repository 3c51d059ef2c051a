import { expect, it } from "vitest";
import { withoutOwnAddress } from "./own-address.ts";

const addresses = {
  local: "http://127.0.0.1:8787",
  outside: ["http://192.168.1.7:8787", "http://[fd00::7]:8787"],
};
const clean = (env: Record<string, string>) => withoutOwnAddress({ env, addresses, port: 8_787 });

it.each([
  "http://127.0.0.1:8787/v1",
  "http://localhost:8787/v1",
  "http://LOCALHOST:8787",
  "http://127.1:8787/v1",
  "http://[::1]:8787/v1",
  "http://0.0.0.0:8787/v1",
  "http://192.168.1.7:8787/v1",
  "http://[fd00::7]:8787/v1",
])("a provider at %s is the gateway itself: it is left out with its key, and a line says so", (url) => {
  const { env, notices } = clean({ OPENAI_BASE_URL: url, OPENAI_API_KEY: "k", ANTHROPIC_API_KEY: "other" });
  expect(env).toEqual({ ANTHROPIC_API_KEY: "other" });
  expect(notices).toEqual([expect.stringMatching(/^OPENAI_BASE_URL points at this gateway itself/)]);
});

it("the same for Anthropic's", () => {
  const { env } = clean({ ANTHROPIC_BASE_URL: "http://127.0.0.1:8787", ANTHROPIC_API_KEY: "k" });
  expect(env).toEqual({});
});

it.each(["http://127.0.0.1:11434/v1", "https://api.openai.com/v1", "http://192.168.1.8:8787/v1", "no url"])(
  "a provider at %s stays",
  (url) => {
    const env = { OPENAI_BASE_URL: url, OPENAI_API_KEY: "k" };
    expect(clean(env)).toEqual({ env, notices: [] });
  },
);
