import { ask, WEATHER } from "../ask.ts";
import { type Case, expects, saysWell } from "../case.ts";
import { send } from "../client.ts";
import { isObject, type Json, objects } from "../said.ts";
import { chunk, healthy, sse } from "../upstream/replies.ts";

const ZURICH = '{"city":"Zürich"}';
const CALL = { id: "call_a", name: "weather", arguments: ZURICH };
const OTHER = { id: "call_b", name: "weather", arguments: '{"city":"Bern"}' };
const TOOLS = { tools: [WEATHER] };
const STREAMED = [true] as const;

const ENDS = { chat: "tool_calls", responses: "completed", messages: "tool_use" } as const;

const shape = (calls: readonly { name: string; arguments: string }[]) =>
  calls.map(({ name, arguments: words }) => [name, JSON.parse(words || "null")]);

/** The messages that an upstream got, whatever its dialect. */
function messages(body: Json): Json[] {
  return objects(body.messages);
}

/** Traps 11, 12, 14, 15 and 16: tool calls, reasoning, and why a turn ends. */
export const tools: readonly Case[] = [
  {
    trap: 11,
    title: "parallel tool calls arrive whole and apart",
    async run(scene) {
      scene.upstream(healthy(scene.backend, { calls: [CALL, OTHER] }, scene.streamed));
      const answered = await scene.ask(TOOLS);
      return (
        saysWell(answered, "") ??
        expects({
          calls: [shape(answered.said.calls), shape([CALL, OTHER])],
          end: [answered.said.end, ENDS[scene.client]],
        })
      );
    },
  },
  ...(["missing", "always 0"] as const).map(
    (index): Case => ({
      trap: 11,
      title: `parallel tool calls whose index is ${index}`,
      backends: ["openai"],
      streamed: STREAMED,
      async run(scene) {
        const call = ({ id, name, arguments: words }: typeof CALL) =>
          sse(
            chunk({
              tool_calls: [
                {
                  ...(index === "missing" ? {} : { index: 0 }),
                  id,
                  type: "function",
                  function: { name, arguments: words },
                },
              ],
            }),
          );
        scene.upstream({
          steps: [
            sse(chunk({ role: "assistant" })),
            call(CALL),
            call(OTHER),
            sse(chunk({}, "tool_calls")),
            sse("[DONE]"),
          ],
        });
        const answered = await scene.ask(TOOLS);
        return (
          saysWell(answered, "") ?? expects({ calls: [shape(answered.said.calls), shape([CALL, OTHER])] })
        );
      },
    }),
  ),
  {
    trap: 11,
    title: "a tool call without an id gets one, and id and name come once",
    backends: ["openai"],
    streamed: STREAMED,
    async run(scene) {
      const part = (words: string) =>
        sse(
          chunk({
            tool_calls: [{ index: 0, type: "function", function: { name: "weather", arguments: words } }],
          }),
        );
      scene.upstream({
        steps: [
          sse(chunk({ role: "assistant" })),
          part('{"city":'),
          part('"Zürich"}'),
          sse(chunk({}, "tool_calls")),
          sse("[DONE]"),
        ],
      });
      const answered = await scene.ask(TOOLS);
      if (!answered.said.calls[0]?.id) return "the call has no id";
      return saysWell(answered, "") ?? expects({ calls: [shape(answered.said.calls), shape([CALL])] });
    },
  },
  {
    trap: 11,
    title: "a whole reply's tool call without an id gets one",
    backends: ["openai"],
    streamed: [false],
    async run(scene) {
      const script = healthy("openai", { calls: [CALL] }, false);
      scene.upstream({ steps: [script.steps.join("").replace('"id":"call_a",', "")] });
      const answered = await scene.ask(TOOLS);
      if (!answered.said.calls[0]?.id) return "the call has no id";
      return expects({ calls: [shape(answered.said.calls), shape([CALL])] });
    },
  },
  {
    trap: 12,
    title: "a tool without arguments gets {}",
    async run(scene) {
      scene.upstream(healthy(scene.backend, { calls: [{ ...CALL, arguments: "" }] }, scene.streamed));
      const answered = await scene.ask(TOOLS);
      return saysWell(answered, "") ?? expects({ arguments: [answered.said.calls[0]?.arguments, "{}"] });
    },
  },
  {
    trap: 12,
    title: "arguments that come only at the end",
    backends: ["openai"],
    streamed: STREAMED,
    async run(scene) {
      const call = (details: Json) => ({ tool_calls: [{ index: 0, ...details }] });
      scene.upstream({
        steps: [
          sse(
            chunk({
              role: "assistant",
              ...call({ id: "call_a", type: "function", function: { name: "weather", arguments: "" } }),
            }),
          ),
          sse(chunk(call({ function: { arguments: ZURICH } }), "tool_calls")),
          sse("[DONE]"),
        ],
      });
      const answered = await scene.ask(TOOLS);
      return saysWell(answered, "") ?? expects({ calls: [shape(answered.said.calls), shape([CALL])] });
    },
  },
  {
    trap: 14,
    title: "results of parallel calls reach the backend as its dialect wants them",
    async run(scene) {
      scene.upstream(healthy(scene.backend, { text: ["done"] }, scene.streamed));
      const answered = await scene.ask({
        ...TOOLS,
        turns: [
          { role: "user", text: "Weather in both?" },
          { role: "assistant", calls: [CALL, OTHER] },
          { role: "tool", id: CALL.id, text: "sunny" },
          { role: "tool", id: OTHER.id, text: "rain" },
          { role: "user", text: "And now?" },
        ],
      });
      const wrong = saysWell(answered, "done");
      if (wrong !== null) return wrong;
      const got = messages(scene.received().at(-1)?.body ?? {});
      if (scene.backend === "openai") {
        return expects({
          roles: [got.map(({ role }) => role), ["user", "assistant", "tool", "tool", "user"]],
          ids: [
            got.filter(({ role }) => role === "tool").map(({ tool_call_id }) => tool_call_id),
            [CALL.id, OTHER.id],
          ],
        });
      }
      if (scene.client === "messages") return null; // Passed as the client wrote it.
      const [, , results] = got;
      const blocks = objects(results?.content);
      return expects({
        roles: [got.map(({ role }) => role), ["user", "assistant", "user"]],
        blocks: [blocks.map(({ type }) => type), ["tool_result", "tool_result", "text"]],
      });
    },
  },
  {
    trap: 14,
    title: "ids and names that the backend's dialect forbids are mapped, and mapped back",
    clients: ["chat", "responses"],
    backends: ["anthropic"],
    async run(scene) {
      const name = "weather.now";
      scene.upstream(({ body }) => {
        const [tool] = objects(body.tools);
        const call = { id: "toolu_1", name: String(tool?.name), arguments: ZURICH };
        return healthy("anthropic", { calls: [call] }, scene.streamed);
      });
      const answered = await scene.ask({
        tools: [{ ...WEATHER, name }],
        turns: [
          { role: "user", text: "Weather?" },
          { role: "assistant", calls: [{ ...CALL, name, id: "call:a.b" }] },
          { role: "tool", id: "call:a.b", text: "sunny" },
        ],
      });
      const body = scene.received().at(-1)?.body ?? {};
      const [, said, result] = messages(body);
      const [use] = objects(said?.content);
      const [back] = objects(result?.content);
      if (!/^[a-zA-Z0-9_-]+$/.test(String(use?.id))) return `the backend got the id ${use?.id}`;
      if (!/^[a-zA-Z0-9_-]+$/.test(String(objects(body.tools)[0]?.name)))
        return "the backend got a forbidden name";
      return (
        saysWell(answered, "") ??
        expects({ ids: [back?.tool_use_id, use?.id], name: [answered.said.calls[0]?.name, name] })
      );
    },
  },
  {
    trap: 15,
    title: "reasoning arrives as reasoning, and apart from the text",
    async run(scene) {
      scene.upstream(
        healthy(scene.backend, { reasoning: ["let me ", "think"], text: ["42"] }, scene.streamed),
      );
      const answered = await scene.ask();
      return saysWell(answered, "42") ?? expects({ reasoning: [answered.said.reasoning, "let me think"] });
    },
  },
  {
    trap: 15,
    title: "a signature comes back to its provider, and goes to no other",
    clients: ["messages"],
    streamed: [false],
    async run(scene) {
      scene.upstream(healthy(scene.backend, { text: ["ok"] }, false));
      const body = ask("messages", { model: scene.model, stream: false });
      const turns = [
        { role: "user", content: "x" },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "hm", signature: "c2lnbmF0dXJl" },
            { type: "text", text: "y" },
          ],
        },
        { role: "user", content: "z" },
      ];
      const answered = await send({
        target: scene.target,
        dialect: "messages",
        body: { ...body, messages: turns },
      });
      const sent = JSON.stringify(scene.received().at(-1)?.body ?? {});
      return (
        saysWell(answered, "ok") ??
        expects({ sent: [sent.includes("c2lnbmF0dXJl"), scene.backend === "anthropic"] })
      );
    },
  },
  ...finishReasons(),
  {
    trap: 16,
    title: "tool calls that end with stop end with the word for tool calls",
    backends: ["openai"],
    async run(scene) {
      scene.upstream(healthy("openai", { calls: [CALL], end: "stop" }, scene.streamed));
      const answered = await scene.ask(TOOLS);
      return saysWell(answered, "") ?? expects({ end: [answered.said.end, ENDS[scene.client]] });
    },
  },
];

function finishReasons(): Case[] {
  const table = {
    openai: [
      ["stop", "stop", "completed", "end_turn"],
      ["length", "length", "max_output_tokens", "max_tokens"],
      ["content_filter", "content_filter", "content_filter", "refusal"],
    ],
    anthropic: [
      ["end_turn", "stop", "completed", "end_turn"],
      ["max_tokens", "length", "max_output_tokens", "max_tokens"],
      ["stop_sequence", "stop", "completed", "stop_sequence"],
      ["model_context_window_exceeded", "length", "max_output_tokens", "model_context_window_exceeded"],
      ["refusal", "content_filter", null, "refusal"],
      ["pause_turn", "stop", null, "pause_turn"],
    ],
  } as const;
  return (["openai", "anthropic"] as const).flatMap((backend) =>
    table[backend].map(
      ([word, chat, responses, messagesWord]): Case => ({
        trap: 16,
        title: `${word} is told in the client's own word`,
        backends: [backend],
        async run(scene) {
          scene.upstream(healthy(backend, { text: ["x"], end: word }, scene.streamed));
          const answered = await scene.ask();
          const wanted = { chat, responses, messages: messagesWord }[scene.client];
          return (
            saysWell(answered, "x") ??
            (wanted === null ? null : expects({ end: [answered.said.end, wanted] }))
          );
        },
      }),
    ),
  );
}

/** More that users expect, of what a request may ask for. */
export const requests: readonly Case[] = [
  {
    trap: 25,
    title: "a field that the backend cannot honour is refused by its name, not dropped",
    clients: ["chat"],
    backends: ["anthropic"],
    streamed: [false],
    async run(scene) {
      scene.upstream(healthy("anthropic", { text: ["x"] }, false));
      const answered = await scene.ask({ extra: { logit_bias: { "50256": -100 } } });
      if (scene.received().length > 0) return "the request was sent without the field";
      if (answered.status !== 400) return `status ${answered.status}`;
      return (answered.said.error?.message ?? "").includes("logit_bias")
        ? null
        : "the error does not name the field";
    },
  },
  {
    trap: 25,
    title: "several choices are refused by name where the backend has one",
    clients: ["chat"],
    backends: ["anthropic"],
    streamed: [false],
    async run(scene) {
      scene.upstream(healthy("anthropic", { text: ["x"] }, false));
      const answered = await scene.ask({ extra: { n: 2 } });
      return expects({ status: [answered.status, 400], sent: [scene.received().length, 0] });
    },
  },
  {
    trap: 25,
    title: "a hosted tool that no backend has is refused by name",
    clients: ["responses"],
    backends: ["anthropic"],
    streamed: [false],
    async run(scene) {
      scene.upstream(healthy(scene.backend, { text: ["x"] }, false));
      const answered = await scene.ask({
        extra: { tools: [{ type: "file_search", vector_store_ids: ["x"] }] },
      });
      return expects({
        status: [answered.status, 400],
        named: [(answered.said.error?.message ?? "").includes("tools[0]"), true],
      });
    },
  },
  ...(["auto", "none", "required"] as const).map(
    (choice): Case => ({
      trap: 0,
      title: `tool_choice ${choice} reaches the backend`,
      clients: ["chat", "responses"],
      streamed: [false],
      async run(scene) {
        scene.upstream(healthy(scene.backend, { text: ["x"] }, false));
        const answered = await scene.ask({ ...TOOLS, extra: { tool_choice: choice } });
        const sent = scene.received().at(-1)?.body.tool_choice;
        const word = isObject(sent) ? sent.type : sent;
        const wanted = scene.backend === "anthropic" && choice === "required" ? "any" : choice;
        // Left out is what it says anyway.
        const same = word === wanted || (choice === "auto" && word === undefined);
        return saysWell(answered, "x") ?? (same ? null : `the backend got ${JSON.stringify(sent)}`);
      },
    }),
  ),
  {
    trap: 0,
    title: "a JSON schema for the answer reaches the backend",
    clients: ["chat", "responses"],
    streamed: [false],
    async run(scene) {
      const schema = {
        type: "object",
        properties: { a: { type: "string" } },
        required: ["a"],
        additionalProperties: false,
      };
      const said = '{"a":"b"}';
      scene.upstream(({ body }) => {
        const [tool] = objects(body.tools);
        const forced = scene.backend === "anthropic" && tool !== undefined;
        return healthy(
          scene.backend,
          forced
            ? { calls: [{ id: "toolu_1", name: String(tool.name), arguments: said }] }
            : { text: [said] },
          false,
        );
      });
      const format = { name: "answer", schema, strict: true };
      const extra =
        scene.client === "chat"
          ? { response_format: { type: "json_schema", json_schema: format } }
          : { text: { format: { type: "json_schema", ...format } } };
      const answered = await scene.ask({ extra });
      const sent = JSON.stringify(scene.received().at(-1)?.body ?? {});
      if (!sent.includes('"properties":{"a"')) return "the backend did not get the schema";
      return saysWell(answered, said);
    },
  },
  {
    trap: 0,
    title: "an image reaches the backend",
    streamed: [false],
    async run(scene) {
      const data = "iVBORw0KGgo=";
      const parts = {
        chat: {
          messages: [
            {
              role: "user",
              content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${data}` } }],
            },
          ],
        },
        responses: {
          input: [
            { role: "user", content: [{ type: "input_image", image_url: `data:image/png;base64,${data}` }] },
          ],
        },
        messages: {
          messages: [
            {
              role: "user",
              content: [{ type: "image", source: { type: "base64", media_type: "image/png", data } }],
            },
          ],
        },
      };
      scene.upstream(healthy(scene.backend, { text: ["a dot"] }, false));
      const answered = await scene.ask({ extra: parts[scene.client] });
      const sent = JSON.stringify(scene.received().at(-1)?.body ?? {});
      return (
        saysWell(answered, "a dot") ?? (sent.includes(data) ? null : "the backend did not get the image")
      );
    },
  },
  {
    trap: 0,
    title: "a system prompt reaches the backend as its dialect has it",
    streamed: [false],
    async run(scene) {
      scene.upstream(healthy(scene.backend, { text: ["x"] }, false));
      const answered = await scene.ask({ system: "Be brief." });
      const body = scene.received().at(-1)?.body ?? {};
      const sent =
        scene.backend === "anthropic" ? JSON.stringify(body.system) : JSON.stringify(messages(body)[0]);
      return saysWell(answered, "x") ?? (sent?.includes("Be brief.") ? null : `the backend got ${sent}`);
    },
  },
];
