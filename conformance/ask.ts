import type { Dialect } from "./client.ts";
import type { Json } from "./said.ts";

/** A turn of a conversation, in no dialect. */
export type Turn =
  | { role: "user"; text: string }
  | { role: "assistant"; text?: string; calls?: readonly { id: string; name: string; arguments: string }[] }
  | { role: "tool"; id: string; text: string };

export interface Asking {
  model: string;
  stream: boolean;
  system?: string;
  turns?: readonly Turn[];
  tools?: readonly { name: string; schema: Json }[];
  /** Fields in the dialect's own words. */
  extra?: Json;
}

export const WEATHER = {
  name: "weather",
  schema: { type: "object", properties: { city: { type: "string" } } },
};

const HELLO: readonly Turn[] = [{ role: "user", text: "Say hello." }];

const RENDER: Record<
  Dialect,
  (asking: Required<Omit<Asking, "system">> & { system: string | null }) => Json
> = {
  chat: ({ model, stream, system, turns, tools, extra }) => ({
    model,
    stream,
    messages: [
      ...(system === null ? [] : [{ role: "system", content: system }]),
      ...turns.map((turn): Json => {
        if (turn.role === "user") return { role: "user", content: turn.text };
        if (turn.role === "tool") return { role: "tool", tool_call_id: turn.id, content: turn.text };
        return {
          role: "assistant",
          content: turn.text ?? null,
          ...(turn.calls === undefined
            ? {}
            : {
                tool_calls: turn.calls.map(({ id, name, arguments: words }) => ({
                  id,
                  type: "function",
                  function: { name, arguments: words },
                })),
              }),
        };
      }),
    ],
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, schema }) => ({
            type: "function",
            function: { name, parameters: schema },
          })),
        }),
    ...extra,
  }),
  responses: ({ model, stream, system, turns, tools, extra }) => ({
    model,
    stream,
    store: false,
    ...(system === null ? {} : { instructions: system }),
    input: turns.flatMap((turn): Json[] => {
      if (turn.role === "user") return [{ role: "user", content: turn.text }];
      if (turn.role === "tool")
        return [{ type: "function_call_output", call_id: turn.id, output: turn.text }];
      return [
        ...(turn.text === undefined ? [] : [{ role: "assistant", content: turn.text }]),
        ...(turn.calls ?? []).map(({ id, name, arguments: words }) => ({
          type: "function_call",
          call_id: id,
          name,
          arguments: words,
        })),
      ];
    }),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, schema }) => ({
            type: "function",
            name,
            parameters: schema,
            strict: false,
          })),
        }),
    ...extra,
  }),
  messages: ({ model, stream, system, turns, tools, extra }) => ({
    model,
    stream,
    max_tokens: 256,
    ...(system === null ? {} : { system }),
    messages: turns.map((turn): Json => {
      if (turn.role === "user") return { role: "user", content: turn.text };
      if (turn.role === "tool")
        return {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: turn.id, content: turn.text }],
        };
      return {
        role: "assistant",
        content: [
          ...(turn.text === undefined ? [] : [{ type: "text", text: turn.text }]),
          ...(turn.calls ?? []).map(({ id, name, arguments: words }) => ({
            type: "tool_use",
            id,
            name,
            input: JSON.parse(words),
          })),
        ],
      };
    }),
    ...(tools.length === 0
      ? {}
      : { tools: tools.map(({ name, schema }) => ({ name, input_schema: schema })) }),
    ...extra,
  }),
};

/** A request's body in a dialect. */
export function ask(dialect: Dialect, asking: Asking): Json {
  return RENDER[dialect]({
    turns: HELLO,
    tools: [],
    extra: {},
    ...asking,
    system: asking.system ?? null,
  });
}
