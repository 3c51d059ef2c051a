import type { Case } from "../case.ts";
import type { Answered, Dialect } from "../client.ts";
import { isObject, type Json } from "../said.ts";
import type { Backend } from "../upstream/replies.ts";

/** Fields that a backend of another dialect has no word for. */
interface Field {
  client: Dialect;
  backends: readonly Backend[];
  /** As the refusal names it. */
  name: string;
  extra: Json;
}

const ANTHROPIC: readonly Backend[] = ["anthropic"];
const OPENAI: readonly Backend[] = ["openai"];
const BOTH: readonly Backend[] = ["openai", "anthropic"];

const chat = (name: string, extra: Json): Field => ({ client: "chat", backends: ANTHROPIC, name, extra });
const hosted = (backends: readonly Backend[], tool: Json): Field => ({
  client: "responses",
  backends,
  name: "tools",
  extra: { tools: [tool] },
});

const FIELDS: readonly Field[] = [
  chat("n", { n: 2 }),
  chat("logit_bias", { logit_bias: { "50256": -100 } }),
  chat("logprobs", { logprobs: true, top_logprobs: 2 }),
  chat("presence_penalty", { presence_penalty: 0.5 }),
  chat("frequency_penalty", { frequency_penalty: 0.5 }),
  chat("seed", { seed: 7 }),
  chat("prediction", { prediction: { type: "content", content: "x" } }),
  chat("modalities", { modalities: ["text", "audio"], audio: { voice: "alloy", format: "wav" } }),
  chat("web_search_options", { web_search_options: {} }),
  hosted(BOTH, { type: "file_search", vector_store_ids: ["x"] }),
  hosted(BOTH, { type: "code_interpreter", container: { type: "auto" } }),
  hosted(BOTH, { type: "image_generation" }),
  hosted(BOTH, { type: "mcp", server_label: "x", server_url: "https://example.com/mcp" }),
  { client: "responses", backends: BOTH, name: "background", extra: { background: true, store: true } },
  { client: "responses", backends: BOTH, name: "conversation", extra: { conversation: "conv_1" } },
  { client: "responses", backends: BOTH, name: "prompt", extra: { prompt: { id: "pmpt_1" } } },
  { client: "responses", backends: ANTHROPIC, name: "top_logprobs", extra: { top_logprobs: 2 } },
  { client: "messages", backends: OPENAI, name: "top_k", extra: { top_k: 5 } },
  {
    client: "messages",
    backends: OPENAI,
    name: "tools",
    extra: { tools: [{ type: "web_search_20250305", name: "web_search" }] },
  },
  {
    client: "messages",
    backends: OPENAI,
    name: "mcp_servers",
    extra: { mcp_servers: [{ type: "url", url: "https://example.com/mcp", name: "x" }] },
  },
  { client: "messages", backends: OPENAI, name: "container", extra: { container: "container_1" } },
];

/** A gateway may make a response in the background itself; its backend is then told nothing of it. */
function isMadeLater({ status, body }: Answered): boolean {
  if (status !== 200) return false;
  const response: unknown = JSON.parse(body.toString() || "null");
  if (!isObject(response) || response.background !== true) return false;
  return response.status === "queued" || response.status === "in_progress";
}

/** Trap 25: a field that a backend cannot honour is refused by name; it is never dropped silently. */
export const fields: readonly Case[] = FIELDS.map(
  ({ client, backends, name, extra }): Case => ({
    trap: 25,
    title: `\`${name}\` (${JSON.stringify(extra).slice(0, 60)}) is honoured or refused by its name, not dropped`,
    clients: [client],
    backends,
    streamed: [false],
    async run(scene) {
      scene.healthy({ text: ["x"] });
      const answered = await scene.ask({ extra });
      if (name === "background" && isMadeLater(answered)) return null;
      const [sent] = scene.received();
      if (sent !== undefined) {
        const honoured = name !== "tools" && JSON.stringify(sent.body[name]) === JSON.stringify(extra[name]);
        return honoured ? null : "the request was sent without the field";
      }
      if (answered.status !== 400) return `status ${answered.status}`;
      const { message = "", param = null } = answered.said.error ?? {};
      // Fields that belong together may be refused by either's name.
      const named = Object.keys(extra).some((field) => message.includes(field) || param?.includes(field));
      if (!named) return `the error does not name the field: ${message}`;
      return scene.broken(answered);
    },
  }),
);
