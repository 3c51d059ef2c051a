import { pushAll } from "../push-all.ts";
import type { OutputPart } from "./model-request.ts";
import type { Reply, ReplyChoice, ReplyEvent } from "./reply.ts";

/** A whole reply as the events of a stream that would have brought it. */
export function replyEvents(reply: Reply): ReplyEvent[] {
  const events: ReplyEvent[] = [
    { type: "start", id: reply.id, model: reply.model, created: reply.created, usage: reply.usage },
  ];
  for (const choice of reply.choices) pushAll(events, choiceEvents(choice));
  if (reply.usage !== null) events.push({ type: "usage", usage: reply.usage });
  events.push({ type: "end" });
  return events;
}

function choiceEvents({ index, parts, finish, stopSequence, logprobs }: ReplyChoice): ReplyEvent[] {
  const events: ReplyEvent[] = [];
  let calls = 0;
  let probabilities = logprobs;
  for (const part of parts) {
    if (part.type === "text") {
      const event = { type: "text", choice: index, text: part.text } as const;
      events.push(probabilities === null ? event : { ...event, logprobs: probabilities });
      probabilities = null;
    } else if (part.type === "tool_call") pushAll(events, toolEvents(part, index, calls++));
    else if (part.type === "refusal") events.push({ type: "refusal", choice: index, text: part.text });
    else pushAll(events, reasoningEvents(part, index));
  }
  if (finish !== null) events.push({ type: "finish", choice: index, reason: finish, stopSequence });
  return events;
}

function toolEvents(
  part: Extract<OutputPart, { type: "tool_call" }>,
  choice: number,
  index: number,
): ReplyEvent[] {
  return [
    { type: "tool_call", choice, index, id: part.id, name: part.name },
    { type: "tool_arguments", choice, index, text: part.arguments },
  ];
}

function reasoningEvents(part: Extract<OutputPart, { type: "reasoning" }>, choice: number): ReplyEvent[] {
  const { origin } = part;
  const events: ReplyEvent[] = [];
  if (part.text !== "") events.push({ type: "reasoning", choice, text: part.text });
  if (part.signature !== null)
    events.push({ type: "reasoning_signature", choice, signature: part.signature, origin });
  if (part.redacted !== null)
    events.push({ type: "redacted_reasoning", choice, data: part.redacted, origin });
  return events;
}
