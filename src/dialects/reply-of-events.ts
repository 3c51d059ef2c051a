import { RouteletError } from "../errors.ts";
import type { BackendDialect } from "./dialect.ts";
import type { ModelRequest, OutputPart, ReasoningPart } from "./model-request.ts";
import type { Reply, ReplyChoice, ReplyEvent } from "./reply.ts";

type Origin = ReasoningPart["origin"];

/** A choice while its events come in. */
interface Growing {
  choice: ReplyChoice;
  /** Tool calls by their index. */
  calls: Map<number, Extract<OutputPart, { type: "tool_call" }>>;
}

/** The last part of a choice where it is of this type, else a new one. */
function grown({ parts }: ReplyChoice, type: "text" | "refusal"): { text: string } {
  const last = parts.at(-1);
  if (last?.type === type) return last;
  const part = { type, text: "" };
  parts.push(part);
  return part;
}

function reasoningOf({ parts }: ReplyChoice, origin: Origin): ReasoningPart {
  const last = parts.at(-1);
  if (last?.type === "reasoning" && last.signature === null && last.redacted === null) return last;
  const part: ReasoningPart = { type: "reasoning", text: "", signature: null, redacted: null, origin };
  parts.push(part);
  return part;
}

/** Adds what an event of a choice says to it. `origin` is the dialect in which a thought without a signature came. */
function grow(
  { choice, calls }: Growing,
  event: Extract<ReplyEvent, { choice: number }>,
  origin: Origin,
): void {
  switch (event.type) {
    case "text":
      if (event.text !== "") grown(choice, "text").text += event.text;
      if (event.logprobs !== undefined) choice.logprobs = [...(choice.logprobs ?? []), ...event.logprobs];
      return;
    case "refusal":
      grown(choice, "refusal").text += event.text;
      return;
    case "reasoning":
      reasoningOf(choice, origin).text += event.text;
      return;
    case "reasoning_signature": {
      const part = reasoningOf(choice, event.origin);
      part.signature = event.signature;
      part.origin = event.origin;
      return;
    }
    case "redacted_reasoning":
      choice.parts.push({
        type: "reasoning",
        text: "",
        signature: null,
        redacted: event.data,
        origin: event.origin,
      });
      return;
    case "tool_call": {
      const call = { type: "tool_call", id: event.id, name: event.name, arguments: "" } as const;
      const part = { ...call };
      calls.set(event.index, part);
      choice.parts.push(part);
      return;
    }
    case "tool_arguments": {
      const call = calls.get(event.index);
      if (call !== undefined) call.arguments += event.text;
      return;
    }
    case "finish":
      choice.finish = event.reason;
      choice.stopSequence = event.stopSequence;
      return;
  }
}

/** The whole reply that a stream's events make: the reverse of `replyEvents`. */
export function replyOfEvents(events: readonly ReplyEvent[], origin: Origin): Reply {
  const reply: Reply = { id: null, model: null, created: null, choices: [], usage: null, serviceTier: null };
  const choices = new Map<number, Growing>();
  for (const event of events) {
    if (event.type === "start")
      Object.assign(reply, { id: event.id, model: event.model, created: event.created });
    if (event.type === "start" || event.type === "usage") reply.usage = event.usage ?? reply.usage;
    if (!("choice" in event)) continue;
    const growing = choices.get(event.choice) ?? {
      choice: { index: event.choice, parts: [], finish: null, stopSequence: null, logprobs: null },
      calls: new Map(),
    };
    choices.set(event.choice, growing);
    grow(growing, event, origin);
  }
  reply.choices = [...choices.values()].map(({ choice }) => choice).sort((a, b) => a.index - b.index);
  return reply;
}

const BEGINS_AS_EVENTS = /^\uFEFF?\s*(?:(?:data|event|id|retry) ?:|:)/;

/** Whether a body that should be JSON is a stream of server-sent events, which some servers answer with unasked. */
export function beginsAsEvents(body: Uint8Array): boolean {
  return BEGINS_AS_EVENTS.test(new TextDecoder().decode(body.subarray(0, 64)));
}

/** A stream that nobody asked for broke off. */
export function incompleteStream(): RouteletError {
  return new RouteletError({
    kind: "upstream",
    code: "upstream_incomplete",
    message:
      "The backend answered with a stream that nobody asked for, and ended it in the middle of its reply.",
    retryable: true,
  });
}

/**
 * Reads a whole reply, also where the backend has sent it as the events of a stream.
 *
 * @throws RouteletError `upstream_incomplete`, and what the backend's own reader throws.
 */
export function readWholeReply(backend: BackendDialect, body: Uint8Array, request: ModelRequest): Reply {
  if (!beginsAsEvents(body)) return backend.readReply(body, request);
  const reader = backend.openReader(request);
  const events = [...reader.push(body), ...reader.end()];
  const failure = events.find((event) => event.type === "error");
  if (failure !== undefined) throw failure.error;
  const reply = replyOfEvents(events, backend.name);
  const ended = reply.choices.length > 0 && reply.choices.every(({ finish }) => finish !== null);
  if (!ended && !events.some(({ type }) => type === "end")) throw incompleteStream();
  return reply;
}
