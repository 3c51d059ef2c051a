import { type Case, expects, type Scene } from "../case.ts";
import type { Dialect } from "../client.ts";
import { isObject, type Json, objects } from "../said.ts";
import { healthy } from "../upstream/replies.ts";
import { CALL, OTHER, TOOLS } from "./tool-index.ts";
import { messagesOf } from "./turns.ts";

const WHOLE = [false] as const;
const OPENAI_CLIENTS = ["chat", "responses"] as const;
const PICTURE = "iVBORw0KGgo=";

const bodyOf = (scene: Scene): Json => scene.received().at(-1)?.body ?? {};

/** A value of a request, in each client's words, and where it must stand at the backend. */
interface Value {
  title: string;
  extra: Partial<Record<Dialect, Json>>;
  /** What a backend's body says of it, and what it should say. */
  openai?: readonly [of: (body: Json) => unknown, wanted: unknown];
  anthropic?: readonly [of: (body: Json) => unknown, wanted: unknown];
}

const SCHEMA = {
  type: "object",
  properties: { a: { type: "string" } },
  required: ["a"],
  additionalProperties: false,
};

const VALUES: readonly Value[] = [
  {
    title: "tool_choice none",
    extra: {
      chat: { tool_choice: "none" },
      responses: { tool_choice: "none" },
      messages: { tool_choice: { type: "none" } },
    },
    openai: [({ tool_choice }) => tool_choice, "none"],
    anthropic: [({ tool_choice }) => isObject(tool_choice) && tool_choice.type, "none"],
  },
  {
    title: "tool_choice required",
    extra: {
      chat: { tool_choice: "required" },
      responses: { tool_choice: "required" },
      messages: { tool_choice: { type: "any" } },
    },
    openai: [({ tool_choice }) => tool_choice, "required"],
    anthropic: [({ tool_choice }) => isObject(tool_choice) && tool_choice.type, "any"],
  },
  {
    title: "tool_choice of one tool",
    extra: {
      chat: { tool_choice: { type: "function", function: { name: "weather" } } },
      responses: { tool_choice: { type: "function", name: "weather" } },
      messages: { tool_choice: { type: "tool", name: "weather" } },
    },
    openai: [({ tool_choice }) => tool_choice, { type: "function", function: { name: "weather" } }],
    anthropic: [({ tool_choice }) => tool_choice, { type: "tool", name: "weather" }],
  },
  {
    title: "one tool at a time",
    extra: {
      chat: { parallel_tool_calls: false },
      responses: { parallel_tool_calls: false },
      messages: { tool_choice: { type: "auto", disable_parallel_tool_use: true } },
    },
    openai: [({ parallel_tool_calls }) => parallel_tool_calls, false],
    anthropic: [({ tool_choice }) => isObject(tool_choice) && tool_choice.disable_parallel_tool_use, true],
  },
  {
    title: "stop sequences",
    extra: { chat: { stop: ["END", "STOP"] }, messages: { stop_sequences: ["END", "STOP"] } },
    openai: [({ stop }) => stop, ["END", "STOP"]],
    anthropic: [({ stop_sequences }) => stop_sequences, ["END", "STOP"]],
  },
  {
    title: "one stop sequence, as a string",
    extra: { chat: { stop: "END" } },
    openai: [({ stop }) => [stop].flat(), ["END"]],
    anthropic: [({ stop_sequences }) => stop_sequences, ["END"]],
  },
  {
    title: "the most tokens",
    extra: {
      chat: { max_completion_tokens: 77 },
      responses: { max_output_tokens: 77 },
      messages: { max_tokens: 77 },
    },
    openai: [({ max_completion_tokens, max_tokens }) => max_completion_tokens ?? max_tokens, 77],
    anthropic: [({ max_tokens }) => max_tokens, 77],
  },
  {
    title: "the most tokens, in chat's old word",
    extra: { chat: { max_tokens: 77 } },
    openai: [({ max_completion_tokens, max_tokens }) => max_completion_tokens ?? max_tokens, 77],
    anthropic: [({ max_tokens }) => max_tokens, 77],
  },
  {
    title: "temperature",
    extra: { chat: { temperature: 0.25 }, responses: { temperature: 0.25 }, messages: { temperature: 0.25 } },
    openai: [({ temperature }) => temperature, 0.25],
    anthropic: [({ temperature }) => temperature, 0.25],
  },
  {
    title: "seed and logprobs",
    extra: { chat: { seed: 7, logprobs: true, top_logprobs: 2, logit_bias: { "5": 1 } } },
    openai: [
      ({ seed, logprobs, top_logprobs, logit_bias }) => [seed, logprobs, top_logprobs, logit_bias],
      [7, true, 2, { "5": 1 }],
    ],
  },
  {
    title: "a JSON object as the answer's form",
    extra: {
      chat: { response_format: { type: "json_object" } },
      responses: { text: { format: { type: "json_object" } } },
    },
    openai: [({ response_format }) => response_format, { type: "json_object" }],
  },
  {
    title: "how much to reason",
    extra: { chat: { reasoning_effort: "low" }, responses: { reasoning: { effort: "low" } } },
    openai: [({ reasoning_effort }) => reasoning_effort, "low"],
  },
];

function carried(value: Value): Case {
  return {
    trap: 0,
    title: `${value.title}: it reaches the backend in its own words`,
    clients: (["chat", "responses", "messages"] as const).filter(
      (client) => value.extra[client] !== undefined,
    ),
    backends: (["openai", "anthropic"] as const).filter((backend) => value[backend] !== undefined),
    streamed: WHOLE,
    async run(scene) {
      scene.healthy({ text: ["x"] });
      const wanted = value[scene.backend === "anthropic" ? "anthropic" : "openai"];
      if (wanted === undefined) return "the case has nothing to compare";
      const answered = await scene.ask({ ...TOOLS, extra: value.extra[scene.client] ?? {} });
      return scene.well(answered, "x") ?? expects({ sent: [wanted[0](bodyOf(scene)), wanted[1]] });
    },
  };
}

const IMAGES: Record<Dialect, (source: string) => Json> = {
  chat: (url) => ({ messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }] }),
  responses: (url) => ({ input: [{ role: "user", content: [{ type: "input_image", image_url: url }] }] }),
  messages: (url) => ({
    messages: [
      {
        role: "user",
        content: [
          {
            type: "image",
            source: url.startsWith("data:")
              ? { type: "base64", media_type: "image/png", data: PICTURE }
              : { type: "url", url },
          },
        ],
      },
    ],
  }),
};

/** What users expect of what a request may ask for. */
export const requests: readonly Case[] = [
  ...VALUES.map(carried),
  ...[`data:image/png;base64,${PICTURE}`, "https://example.com/a.png"].map(
    (url): Case => ({
      trap: 0,
      title: `an image ${url.startsWith("data:") ? "in the request" : "by its URL"} reaches the backend`,
      streamed: WHOLE,
      async run(scene) {
        scene.healthy({ text: ["a dot"] });
        const answered = await scene.ask({ extra: IMAGES[scene.client](url) });
        const sent = scene.received().at(-1)?.bytes;
        const needle = url.startsWith("data:") ? PICTURE : url;
        return scene.well(answered, "a dot") ?? expects({ sent: [sent?.includes(needle), true] });
      },
    }),
  ),
  {
    trap: 0,
    title: "sound reaches a backend that can hear",
    clients: ["chat"],
    backends: ["openai"],
    streamed: WHOLE,
    async run(scene) {
      scene.healthy({ text: ["a beep"] });
      const part = { type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } };
      const answered = await scene.ask({ extra: { messages: [{ role: "user", content: [part] }] } });
      return (
        scene.well(answered, "a beep") ?? expects({ sent: [messagesOf(bodyOf(scene))[0]?.content, [part]] })
      );
    },
  },
  {
    trap: 0,
    title: "a system prompt reaches the backend as its dialect has it",
    streamed: WHOLE,
    async run(scene) {
      scene.healthy({ text: ["x"] });
      const answered = await scene.ask({ system: "Be brief." });
      const body = bodyOf(scene);
      const first = messagesOf(body)[0];
      const sent = scene.backend === "anthropic" ? JSON.stringify(body.system) : JSON.stringify(first);
      const role = scene.backend === "anthropic" ? "user" : "system or developer";
      const right =
        scene.backend === "anthropic"
          ? first?.role === "user"
          : /^(system|developer)$/.test(String(first?.role));
      return (
        scene.well(answered, "x") ??
        expects({ sent: [sent?.includes("Be brief."), true], [`a first message of ${role}`]: [right, true] })
      );
    },
  },
  {
    trap: 0,
    title: "a tool's schema reaches the backend as it is",
    streamed: WHOLE,
    async run(scene) {
      scene.healthy({ calls: [CALL, OTHER] });
      const schema = { ...SCHEMA, $defs: { x: { enum: ["a", null, 1.5] } }, description: "Grüße" };
      await scene.ask({ tools: [{ name: "weather", schema }] });
      const [tool] = objects(bodyOf(scene).tools);
      const details = isObject(tool?.function) ? tool.function.parameters : tool?.input_schema;
      return expects({ schema: [details, schema] });
    },
  },
  {
    trap: 0,
    title: "a JSON schema for the answer reaches the backend, and the answer is its text",
    clients: OPENAI_CLIENTS,
    streamed: [false, true],
    async run(scene) {
      const said = '{"a":"b"}';
      scene.upstream(({ body }) => {
        // A backend without schemas may be asked by a tool that it must call.
        const [tool] = objects(body.tools);
        const asTool = scene.backend === "anthropic" && tool !== undefined;
        const call = { id: "toolu_1", name: String(tool?.name), arguments: said };
        return healthy(scene.backend, asTool ? { calls: [call] } : { text: [said] }, scene.streamed);
      });
      const format = { name: "answer", schema: SCHEMA, strict: true };
      const extra =
        scene.client === "chat"
          ? { response_format: { type: "json_schema", json_schema: format } }
          : { text: { format: { type: "json_schema", ...format } } };
      const answered = await scene.ask({ extra });
      const sent = scene.received().at(-1)?.bytes.includes('"properties":{"a"');
      return scene.well(answered, said) ?? expects({ schema: [sent, true] });
    },
  },
];
