import type { RouteletError } from "../../errors.ts";
import type { RenderContext } from "../dialect.ts";
import type { Json } from "../json.ts";
import type { FinishReason, ReplyEvent, TokenLogprob, Usage } from "../reply.ts";
import { beginCall, closeCall } from "./call-items.ts";
import { incompleteReason } from "./incomplete-reason.ts";
import {
  type CallItem,
  isCall,
  type MessageItem,
  type OutputItem,
  type Part,
  type ReasoningItem,
} from "./output-items.ts";
import { addPart, addWords, PART_FORMS, wordsOf } from "./parts.ts";
import { wrapOpaque } from "./reasoning-token.ts";
import type { ResponsesRequest } from "./request-schema.ts";
import { type ResponseState, responseObject } from "./response-object.ts";
import { readTools, type ToolForm } from "./tools.ts";
import { renderResponseUsage } from "./usage.ts";

/** An event of the stream; `sequence_number` counts from 0. */
export type ResponseEvent = Json & { type: string; sequence_number: number };

export interface ResponseBuilder {
  push(event: ReplyEvent): ResponseEvent[];
  end(): ResponseEvent[];
  fail(error: RouteletError): ResponseEvent[];
  /** The response as it stands. */
  response(): Json;
}

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
  /** The part of each item that is being said. */
  const speaking = new Map<OutputItem, { part: Part; index: number }>();
  const asked = JSON.parse(context.call.text) as ResponsesRequest;
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
  const object = (): Json => responseObject(context, state, asked);

  function begin(): ResponseEvent[] {
    if (begun) return [];
    begun = true;
    return ["response.created", "response.in_progress"].map((type) => event(type, { response: object() }));
  }

  function add(item: OutputItem): ResponseEvent {
    output.push(item);
    open.add(item);
    return event("response.output_item.added", { output_index: indexOf(item), item: copy(item) });
  }

  function newId(kind: string): string {
    return `${kind}_${base}_${output.length}`;
  }

  /** An event about a part of an item. */
  function ofPart(type: string, item: OutputItem, at: { part: Part; index: number }, fields: Json) {
    const place = {
      item_id: item.id,
      output_index: indexOf(item),
      [PART_FORMS[at.part.type].index]: at.index,
    };
    return event(type, { ...place, ...fields });
  }

  function closePart(item: MessageItem | ReasoningItem): ResponseEvent[] {
    const at = speaking.get(item);
    if (at === undefined) return [];
    speaking.delete(item);
    const form = PART_FORMS[at.part.type];
    return [
      ofPart(form.said, item, at, wordsOf(at.part)),
      ofPart(form.done, item, at, { part: copy(at.part) }),
    ];
  }

  /** Adds words to the part that is being said, or begins one of the kind. */
  function say(options: {
    item: MessageItem | ReasoningItem;
    type: Part["type"];
    words: string;
    logprobs?: TokenLogprob[];
  }): ResponseEvent[] {
    const { item, type, words } = options;
    const events: ResponseEvent[] = [];
    const form = PART_FORMS[type];
    let at = speaking.get(item);
    if (at?.part.type !== type) {
      events.push(...closePart(item));
      at = addPart(item, type);
      speaking.set(item, at);
      events.push(ofPart(form.added, item, at, { part: copy(at.part) }));
    }
    events.push(ofPart(form.delta, item, at, addWords(at.part, words, options.logprobs ?? [])));
    return events;
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

  function text(type: "output_text" | "refusal", words: string, logprobs?: TokenLogprob[]): ResponseEvent[] {
    const events: ResponseEvent[] = [];
    const item = message(events);
    return [...events, ...say({ item, type, words, logprobs })];
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
    const type = asked.reasoning?.summary == null ? "reasoning_text" : "summary_text";
    return [...events, ...say({ item, type, words })];
  }

  function toolCall(index: number, id: string, name: string): ResponseEvent[] {
    const events = closeOthers(null);
    forms ??= readTools(asked).forms;
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
        return text("output_text", reply.text, reply.logprobs);
      case "refusal":
        return text("refusal", reply.text);
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
      state.incompleteReason = incompleteReason(finish, output);
      const status = state.incompleteReason === null ? "completed" : "incomplete";
      const events = begin();
      for (const item of [...open]) events.push(...close(item, status));
      settle(status);
      events.push(event(`response.${status}`, { response: object() }));
      return events;
    },
    fail(error) {
      const events = begin();
      state.error = { code: failureCode(error), message: error.message };
      for (const item of open) item.status = "incomplete";
      settle("failed");
      events.push(event("response.failed", { response: object() }));
      return events;
    },
    response: object,
  };
}
