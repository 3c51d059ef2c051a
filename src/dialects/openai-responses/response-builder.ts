import type { RouteletError } from "../../errors.ts";
import type { RenderContext } from "../dialect.ts";
import type { FinishReason, ReplyEvent, TokenLogprob, Usage } from "../reply.ts";
import { beginCall, closeCall, toolFormsOf } from "./call-items.ts";
import {
  type CallItem,
  isCall,
  type MessageItem,
  type OutputItem,
  type OutputRefusal,
  type OutputText,
  type ReasoningItem,
} from "./output-items.ts";
import { wrapOpaque } from "./reasoning-token.ts";
import { type ResponseState, responseObject } from "./response-object.ts";
import type { ToolForm } from "./tools.ts";
import { renderResponseUsage } from "./usage.ts";

type Json = Record<string, unknown>;

/** An event of the stream; `sequence_number` counts from 0. */
export type ResponseEvent = Json & { type: string; sequence_number: number };

export interface ResponseBuilder {
  push(event: ReplyEvent): ResponseEvent[];
  end(): ResponseEvent[];
  fail(error: RouteletError): ResponseEvent[];
  /** The response as it stands. */
  response(): Json;
}

const INCOMPLETE: Partial<Record<FinishReason, ResponseState["incompleteReason"]>> = {
  length: "max_output_tokens",
  context_length: "max_output_tokens",
  content_filter: "content_filter",
};

/** OpenAI's words for why a response failed; its list is closed. */
function failureCode(error: RouteletError): string {
  return error.kind === "rate_limited" ? "rate_limit_exceeded" : "server_error";
}

/**
 * Makes a response of a reply in no dialect: item by item, with the whole event sequence of the stream. A whole reply
 * is made by the same steps, so that both are the same response. Of several choices the first is taken: the dialect
 * has one.
 */
export function createResponseBuilder(context: RenderContext): ResponseBuilder {
  const base = context.callId.replace(/^call_/, "");
  const output: OutputItem[] = [];
  /** Items that are not done; calls that run side by side are open together. */
  const open = new Set<OutputItem>();
  const calls = new Map<number, CallItem>();
  /** The arguments of each call so far, as the model wrote them. */
  const written = new Map<CallItem, string>();
  let forms: ReadonlyMap<string, ToolForm> | null = null;
  const state: ResponseState = {
    model: context.renameModel ?? context.call.requestedModel,
    status: "in_progress",
    createdAt: Math.floor(context.now / 1000),
    completedAt: null,
    output,
    usage: null,
    serviceTier: null,
    error: null,
    incompleteReason: null,
  };
  let sequence = 0;
  let begun = false;
  let usage: Usage | null = null;
  let finish: FinishReason | null = null;

  const event = (type: string, fields: Json): ResponseEvent => ({
    type,
    sequence_number: sequence++,
    ...fields,
  });
  const indexOf = (item: OutputItem): number => output.indexOf(item);
  const copy = <T>(value: T): T => structuredClone(value);

  function begin(): ResponseEvent[] {
    if (begun) return [];
    begun = true;
    return ["response.created", "response.in_progress"].map((type) =>
      event(type, { response: responseObject(context, state) }),
    );
  }

  function add(item: OutputItem): ResponseEvent {
    output.push(item);
    open.add(item);
    return event("response.output_item.added", { output_index: indexOf(item), item: copy(item) });
  }

  function newId(kind: string): string {
    return `${kind}_${base}_${output.length}`;
  }

  /** Where a part of an item stands. */
  const place = (item: OutputItem, index: number): Json => ({
    item_id: item.id,
    output_index: indexOf(item),
    content_index: index,
  });

  function closePart(item: MessageItem | ReasoningItem): ResponseEvent[] {
    const index = item.content.length - 1;
    const part = item.content[index];
    if (part === undefined) return [];
    const at = place(item, index);
    const said =
      part.type === "output_text"
        ? event("response.output_text.done", { ...at, text: part.text, logprobs: part.logprobs })
        : part.type === "refusal"
          ? event("response.refusal.done", { ...at, refusal: part.refusal })
          : event("response.reasoning_text.done", { ...at, text: part.text });
    return [said, event("response.content_part.done", { ...at, part: copy(part) })];
  }

  function close(item: OutputItem, status: "completed" | "incomplete"): ResponseEvent[] {
    if (!open.delete(item)) return [];
    const events: ResponseEvent[] = [];
    if (isCall(item)) {
      const at = { item_id: item.id, output_index: indexOf(item) };
      for (const { type, ...said } of closeCall(item, written.get(item) ?? ""))
        events.push(event(type, { ...at, ...said }));
    } else events.push(...closePart(item));
    item.status = status;
    events.push(event("response.output_item.done", { output_index: indexOf(item), item: copy(item) }));
    return events;
  }

  /** Words and thoughts come one after the other; calls may go on beside them until the end. */
  function closeOthers(keep: OutputItem | null): ResponseEvent[] {
    return [...open].flatMap((item) => (item === keep || isCall(item) ? [] : close(item, "completed")));
  }

  function openOf<T extends OutputItem["type"]>(type: T): Extract<OutputItem, { type: T }> | null {
    for (const item of open) if (item.type === type) return item as Extract<OutputItem, { type: T }>;
    return null;
  }

  function message(events: ResponseEvent[]): MessageItem {
    const there = openOf("message");
    if (there !== null) return there;
    events.push(...closeOthers(null));
    const item: MessageItem = {
      id: newId("msg"),
      type: "message",
      status: "in_progress",
      role: "assistant",
      content: [],
    };
    events.push(add(item));
    return item;
  }

  function text(words: string, logprobs: TokenLogprob[]): ResponseEvent[] {
    const events: ResponseEvent[] = [];
    const item = message(events);
    let part = item.content.at(-1);
    if (part?.type !== "output_text") {
      events.push(...closePart(item));
      const added: OutputText = { type: "output_text", annotations: [], logprobs: [], text: "" };
      item.content.push(added);
      part = added;
      events.push(
        event("response.content_part.added", { ...place(item, item.content.length - 1), part: copy(part) }),
      );
    }
    part.text += words;
    part.logprobs.push(...logprobs);
    const at = place(item, item.content.length - 1);
    events.push(event("response.output_text.delta", { ...at, delta: words, logprobs }));
    return events;
  }

  function refusal(words: string): ResponseEvent[] {
    const events: ResponseEvent[] = [];
    const item = message(events);
    let part = item.content.at(-1);
    if (part?.type !== "refusal") {
      events.push(...closePart(item));
      const added: OutputRefusal = { type: "refusal", refusal: "" };
      item.content.push(added);
      part = added;
      events.push(
        event("response.content_part.added", { ...place(item, item.content.length - 1), part: copy(part) }),
      );
    }
    part.refusal += words;
    events.push(event("response.refusal.delta", { ...place(item, item.content.length - 1), delta: words }));
    return events;
  }

  function reasoning(events: ResponseEvent[]): ReasoningItem {
    const there = openOf("reasoning");
    if (there !== null) return there;
    events.push(...closeOthers(null));
    const item: ReasoningItem = {
      id: newId("rs"),
      type: "reasoning",
      status: "in_progress",
      summary: [],
      content: [],
      encrypted_content: null,
    };
    events.push(add(item));
    return item;
  }

  function thought(words: string): ResponseEvent[] {
    const events: ResponseEvent[] = [];
    const item = reasoning(events);
    let part = item.content.at(-1);
    if (part === undefined) {
      part = { type: "reasoning_text", text: "" };
      item.content.push(part);
      events.push(event("response.content_part.added", { ...place(item, 0), part: copy(part) }));
    }
    part.text += words;
    events.push(event("response.reasoning_text.delta", { ...place(item, 0), delta: words }));
    return events;
  }

  function toolCall(index: number, id: string, name: string): ResponseEvent[] {
    const events = closeOthers(null);
    forms ??= toolFormsOf(context.call);
    const item = beginCall({ newId, callId: id, name, forms });
    calls.set(index, item);
    events.push(add(item));
    return events;
  }

  function toolArguments(index: number, words: string): ResponseEvent[] {
    const item = calls.get(index);
    if (item === undefined || words === "") return [];
    written.set(item, (written.get(item) ?? "") + words);
    if (item.type !== "function_call") return [];
    item.arguments += words;
    return [
      event("response.function_call_arguments.delta", {
        item_id: item.id,
        output_index: indexOf(item),
        delta: words,
      }),
    ];
  }

  function take(reply: ReplyEvent): ResponseEvent[] {
    switch (reply.type) {
      case "start":
        if (reply.model !== null && context.renameModel === null) state.model = reply.model;
        usage = reply.usage ?? usage;
        return [];
      case "text":
        return text(reply.text, reply.logprobs ?? []);
      case "refusal":
        return refusal(reply.text);
      case "reasoning":
        return thought(reply.text);
      case "reasoning_signature": {
        const events: ResponseEvent[] = [];
        const item = reasoning(events);
        item.encrypted_content = wrapOpaque({
          signature: reply.signature,
          redacted: null,
          origin: reply.origin,
        });
        return [...events, ...close(item, "completed")];
      }
      case "redacted_reasoning": {
        const events = closeOthers(null);
        const item = reasoning(events);
        item.encrypted_content = wrapOpaque({ signature: null, redacted: reply.data, origin: reply.origin });
        return [...events, ...close(item, "completed")];
      }
      case "tool_call":
        return toolCall(reply.index, reply.id, reply.name);
      case "tool_arguments":
        return toolArguments(reply.index, reply.text);
      case "finish":
        finish = reply.reason;
        return [];
      case "usage":
        usage = reply.usage;
        return [];
      case "error":
      case "end":
        return [];
    }
  }

  function settle(status: "completed" | "incomplete" | "failed"): void {
    state.status = status;
    state.completedAt = status === "completed" ? Math.floor((context.clock?.() ?? context.now) / 1000) : null;
    state.usage = usage === null ? null : renderResponseUsage(usage);
  }

  return {
    push(reply) {
      if ("choice" in reply && reply.choice !== 0) return [];
      // Lifecycle events wait for something to tell: until then the reply may come from another backend.
      if (reply.type === "start" || reply.type === "usage") return take(reply);
      return [...begin(), ...take(reply)];
    },
    end() {
      const reason = finish === null ? undefined : INCOMPLETE[finish];
      state.incompleteReason = reason ?? null;
      const status = reason == null ? "completed" : "incomplete";
      const events = begin();
      for (const item of [...open]) events.push(...close(item, status));
      settle(status);
      events.push(event(`response.${status}`, { response: responseObject(context, state) }));
      return events;
    },
    fail(error) {
      const events = begin();
      state.error = { code: failureCode(error), message: error.message };
      for (const item of open) item.status = "incomplete";
      settle("failed");
      events.push(event("response.failed", { response: responseObject(context, state) }));
      return events;
    },
    response: () => responseObject(context, state),
  };
}
