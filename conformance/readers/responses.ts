import {
  count,
  isObject,
  type Json,
  nothingSaid,
  objects,
  type Said,
  type StreamEvent,
  text,
} from "../said.ts";

function readError(said: Said, error: unknown): void {
  const { message, code, type } = isObject(error) ? error : {};
  said.error = { code: String(code ?? type ?? ""), message: text(message) };
}

function readItem(said: Said, item: Json): void {
  if (item.type === "message")
    said.text += objects(item.content)
      .map((part) => text(part.text) || text(part.refusal))
      .join("");
  else if (item.type === "reasoning")
    said.reasoning += [...objects(item.summary), ...objects(item.content)]
      .map((part) => text(part.text))
      .join("");
  else if (item.type === "function_call")
    said.calls.push({ id: text(item.call_id), name: text(item.name), arguments: text(item.arguments) });
}

/** Reads a whole response (OpenAI API reference, "Responses"). */
export function readResponse(body: Json): Said {
  const said = nothingSaid();
  if (body.error != null) readError(said, body.error);
  if (body.object !== "response") return said;
  said.model = text(body.model) || null;
  for (const item of objects(body.output)) readItem(said, item);
  const details = isObject(body.incomplete_details) ? text(body.incomplete_details.reason) : "";
  said.end = details || text(body.status) || null;
  if (isObject(body.usage)) {
    const cached = isObject(body.usage.input_tokens_details)
      ? body.usage.input_tokens_details.cached_tokens
      : 0;
    said.usage = {
      input: count(body.usage.input_tokens),
      cached: count(cached),
      output: count(body.usage.output_tokens),
    };
  }
  said.terminated = true;
  return said;
}

const LAST = new Set(["response.completed", "response.incomplete", "response.failed"]);

/** Reads a response's stream and holds it to its rules: numbers in sequence, items that open, fill and close, one last event. */
export function readResponseStream(events: readonly StreamEvent[]): Said {
  const violations: string[] = [];
  const open = new Map<number, string>();
  let final: Json | null = null;
  let error: unknown = null;
  let began = false;
  for (const [at, { name, data }] of events.entries()) {
    let event: unknown;
    try {
      event = JSON.parse(data);
    } catch {
      violations.push(data === "[DONE]" ? "[DONE] in a dialect that has none" : "an event that is no JSON");
      continue;
    }
    if (!isObject(event)) continue;
    const type = text(event.type);
    if (name !== type) violations.push(`the event is named ${name} and says ${type}`);
    if (event.sequence_number !== at)
      violations.push(`sequence_number ${event.sequence_number} where ${at} is next`);
    if (final !== null) violations.push(`${type} after the last event`);
    if (!began && type !== "error" && type !== "response.created")
      violations.push(`${type} before response.created`);
    began = true;
    const index = count(event.output_index);
    if (type === "response.output_item.added") open.set(index, "");
    else if (type.endsWith(".delta")) {
      if (!open.has(index)) violations.push(`${type} of an item that is not open`);
      open.set(index, (open.get(index) ?? "") + text(event.delta));
    } else if (type === "response.output_item.done") {
      const whole = nothingSaid();
      readItem(whole, isObject(event.item) ? event.item : {});
      const told = whole.calls[0]?.arguments ?? whole.text + whole.reasoning;
      if (open.get(index) !== told) violations.push("an item says something else than its deltas");
      open.delete(index);
    } else if (type === "error") error = event;
    else if (LAST.has(type)) final = isObject(event.response) ? event.response : {};
  }
  const said = final === null ? nothingSaid() : readResponse(final);
  if (final === null && error !== null) readError(said, error);
  if (final !== null && said.error === null && open.size > 0) violations.push("an item is left open");
  said.terminated = final !== null && said.error === null;
  said.violations.push(...violations);
  return said;
}
