import { createParser } from "eventsource-parser";
import { z } from "zod";
import { parseJson } from "../json.ts";

/** A message as the dialect has it; of its fields these are read. */
export interface Message {
  role?: unknown;
  content?: unknown;
  tool_calls?: unknown;
  tool_call_id?: unknown;
}

export interface Choice {
  message: Message;
  finish_reason: unknown;
}

const request = z.looseObject({ messages: z.array(z.looseObject({})) });
const whole = z.looseObject({
  choices: z.array(z.looseObject({ message: z.looseObject({}), finish_reason: z.unknown().optional() })),
});
const chunk = z.looseObject({
  choices: z.array(
    z.looseObject({
      index: z.number().nullish(),
      delta: z
        .looseObject({
          content: z.string().nullish(),
          tool_calls: z
            .array(
              z.looseObject({
                index: z.number().nullish(),
                id: z.string().nullish(),
                function: z
                  .looseObject({ name: z.string().nullish(), arguments: z.string().nullish() })
                  .nullish(),
              }),
            )
            .nullish(),
        })
        .nullish(),
      finish_reason: z.string().nullish(),
    }),
  ),
});

/** The messages of a request's text. */
export function requestMessages(text: string): Message[] {
  return request.parse(JSON.parse(text)).messages;
}

/** The choices of a reply, put together again from its chunks when it was streamed. A cut reply gives what it has. */
export function replyChoices(bytes: Uint8Array, streamed: boolean): Choice[] {
  const text = new TextDecoder().decode(bytes);
  if (!streamed) {
    const parsed = whole.safeParse(parseJson(text));
    return parsed.success
      ? parsed.data.choices.map(({ message, finish_reason }) => ({ message, finish_reason }))
      : [];
  }
  return joinChunks(text);
}

interface Joined {
  content: string;
  toolCalls: Map<number, { id: string; type: "function"; function: { name: string; arguments: string } }>;
  finishReason: string | null;
}

function joinChunks(text: string): Choice[] {
  const choices = new Map<number, Joined>();
  const parser = createParser({
    onEvent({ data }) {
      const parsed = chunk.safeParse(parseJson(data));
      if (!parsed.success) return;
      for (const { index, delta, finish_reason } of parsed.data.choices) {
        const joined = choices.get(index ?? 0) ?? { content: "", toolCalls: new Map(), finishReason: null };
        choices.set(index ?? 0, joined);
        joined.content += delta?.content ?? "";
        joined.finishReason = finish_reason ?? joined.finishReason;
        for (const call of delta?.tool_calls ?? []) {
          const known = joined.toolCalls.get(call.index ?? 0) ?? {
            id: "",
            type: "function" as const,
            function: { name: "", arguments: "" },
          };
          joined.toolCalls.set(call.index ?? 0, known);
          known.id ||= call.id ?? "";
          known.function.name += call.function?.name ?? "";
          known.function.arguments += call.function?.arguments ?? "";
        }
      }
    },
  });
  parser.feed(text);
  return [...choices.values()].map(({ content, toolCalls, finishReason }) => ({
    message: {
      role: "assistant",
      content: content === "" ? null : content,
      ...(toolCalls.size > 0 ? { tool_calls: [...toolCalls.values()] } : {}),
    },
    finish_reason: finishReason,
  }));
}
