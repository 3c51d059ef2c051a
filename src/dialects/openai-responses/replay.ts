import { isObject, type Json } from "../json.ts";
import { PART_FORMS, type PartForm } from "./parts.ts";
import type { ResponseEvent } from "./response-builder.ts";

const objects = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

const formOf = (type: unknown): PartForm | undefined =>
  typeof type === "string" && Object.hasOwn(PART_FORMS, type)
    ? PART_FORMS[type as keyof typeof PART_FORMS]
    : undefined;

/** What a part says, by the names that its events have for it. */
function wordsOf(part: Json): { delta: unknown; said: Json } {
  if (part.type === "refusal") return { delta: part.refusal, said: { refusal: part.refusal } };
  const logprobs = part.type === "output_text" ? { logprobs: part.logprobs ?? [] } : {};
  return { delta: part.text, said: { text: part.text, ...logprobs } };
}

/** A part before its first word. */
function emptyPart(part: Json): Json {
  if (part.type === "refusal") return { ...part, refusal: "" };
  return part.type === "output_text"
    ? { ...part, text: "", annotations: [], logprobs: [] }
    : { ...part, text: "" };
}

type Telling = Json & { type: string };

function partEvents(part: Json, at: Json, index: number): Telling[] {
  const form = formOf(part.type);
  if (form === undefined) return [];
  const place = { ...at, [form.index]: index };
  const { delta, said } = wordsOf(part);
  const logprobs = part.type === "output_text" ? { logprobs: part.logprobs ?? [] } : {};
  return [
    { type: form.added, ...place, part: emptyPart(part) },
    ...(delta === "" ? [] : [{ type: form.delta, ...place, delta, ...logprobs }]),
    ...objects(part.annotations).map((annotation, annotation_index) => ({
      type: "response.output_text.annotation.added",
      ...place,
      annotation_index,
      annotation,
    })),
    { type: form.said, ...place, ...said },
    { type: form.done, ...place, part },
  ];
}

/** What an item's events tell between its beginning and its end; nothing of those that are told at once. */
function innerEvents(item: Json, at: Json): Telling[] {
  switch (item.type) {
    case "message":
      return objects(item.content).flatMap((part, index) => partEvents(part, at, index));
    case "reasoning":
      return [objects(item.summary), objects(item.content)].flatMap((parts) =>
        parts.flatMap((part, index) => partEvents(part, at, index)),
      );
    case "function_call":
      return [
        { type: "response.function_call_arguments.delta", ...at, delta: item.arguments },
        {
          type: "response.function_call_arguments.done",
          ...at,
          name: item.name,
          arguments: item.arguments,
        },
      ];
    case "custom_tool_call":
      return [
        { type: "response.custom_tool_call_input.delta", ...at, delta: item.input },
        { type: "response.custom_tool_call_input.done", ...at, input: item.input },
      ];
    default:
      return [];
  }
}

/** An item as it stood when it was begun. */
function begun(item: Json): Json {
  const status = "status" in item ? { status: "in_progress" } : {};
  switch (item.type) {
    case "message":
      return { ...item, ...status, content: [] };
    case "reasoning":
      return { ...item, ...status, summary: [], ...("content" in item ? { content: [] } : {}) };
    case "function_call":
      return { ...item, ...status, arguments: "" };
    case "custom_tool_call":
      return { ...item, ...status, input: "" };
    default:
      return { ...item, ...status };
  }
}

/**
 * A response that is complete, told once more as the stream that would have brought it (OpenAI API reference, "Streaming
 * events"). The same response gives the same events with the same numbers, whenever it is asked.
 */
export function replayEvents(response: Json): ResponseEvent[] {
  const opened = {
    ...response,
    status: "in_progress",
    output: [],
    usage: null,
    error: null,
    incomplete_details: null,
    ...("completed_at" in response ? { completed_at: null } : {}),
  };
  const items = objects(response.output).flatMap((item, output_index) => {
    const at = { item_id: item.id, output_index };
    return [
      { type: "response.output_item.added", output_index, item: begun(item) },
      ...innerEvents(item, at),
      { type: "response.output_item.done", output_index, item },
    ];
  });
  return [
    { type: "response.created", response: opened },
    { type: "response.in_progress", response: opened },
    ...items,
    { type: `response.${String(response.status ?? "completed")}`, response },
  ].map((event, sequence_number) => ({ ...event, sequence_number }));
}
