import type { Json } from "../json.ts";
import type { OutputPart } from "../model-request.ts";
import type { FinishReason, ReplyChoice } from "../reply.ts";
import { outputItems } from "./history.ts";
import { responsesRequest } from "./request-schema.ts";
import { responsesToRequest } from "./to-request.ts";

function finishOf(response: Json, parts: readonly OutputPart[]): FinishReason | null {
  if (response.status === "incomplete") {
    const details = response.incomplete_details as Json | null | undefined;
    return details?.reason === "content_filter" ? "content_filter" : "length";
  }
  if (response.status !== "completed") return null;
  return parts.some(({ type }) => type === "tool_call") ? "tool_calls" : "stop";
}

/** What a response object says, as the one choice that it has; null where it failed or is no response. */
export function readResponseObject(response: Json): ReplyChoice[] | null {
  const input = outputItems(response);
  const json = { model: "any", input };
  const parsed = responsesRequest.safeParse(json);
  if (!parsed.success || response.error != null) return null;
  const { messages } = responsesToRequest(json, parsed.data);
  const parts = messages.flatMap((message) => (message.role === "assistant" ? message.content : []));
  const finish = finishOf(response, parts);
  return finish === null ? null : [{ index: 0, parts, finish, stopSequence: null, logprobs: null }];
}
