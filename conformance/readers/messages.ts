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

function readUsage(usage: unknown): Said["usage"] {
  if (!isObject(usage)) return null;
  const cached = count(usage.cache_read_input_tokens);
  const written = count(usage.cache_creation_input_tokens);
  return { input: count(usage.input_tokens) + cached + written, cached, output: count(usage.output_tokens) };
}

function readError(said: Said, body: Json): void {
  const error = isObject(body.error) ? body.error : {};
  if (body.type !== "error") said.violations.push("an error that is not of type error");
  said.error = { code: text(error.type), message: text(error.message) };
}

/** Reads a whole message (Anthropic API reference). */
export function readMessage(body: Json): Said {
  const said = nothingSaid();
  if (body.error != null) {
    readError(said, body);
    return said;
  }
  said.model = text(body.model) || null;
  for (const block of objects(body.content)) {
    if (block.type === "text") said.text += text(block.text);
    else if (block.type === "thinking") said.reasoning += text(block.thinking);
    else if (block.type === "tool_use")
      said.calls.push({ id: text(block.id), name: text(block.name), arguments: JSON.stringify(block.input) });
  }
  said.end = text(body.stop_reason) || null;
  said.usage = readUsage(body.usage);
  said.terminated = true;
  return said;
}

const DELTA_OF: Record<string, readonly string[]> = {
  text: ["text_delta", "citations_delta"],
  thinking: ["thinking_delta", "signature_delta"],
  tool_use: ["input_json_delta"],
};

/** Reads a message's stream and holds it to its rules: one start, one open block at a time, contiguous indices, one stop. */
export function readMessageStream(events: readonly StreamEvent[]): Said {
  const said = nothingSaid();
  let started = false;
  let open: { index: number; type: string } | null = null;
  let blocks = 0;
  for (const { name, data } of events) {
    let event: unknown;
    try {
      event = JSON.parse(data);
    } catch {
      said.violations.push("an event that is no JSON");
      continue;
    }
    if (!isObject(event)) continue;
    const type = text(event.type);
    if (name !== type) said.violations.push(`the event is named ${name} and says ${type}`);
    if (type === "ping") continue;
    if (said.terminated || said.error !== null) said.violations.push(`${type} after the end`);
    if (!started && type !== "message_start" && type !== "error")
      said.violations.push(`${type} before message_start`);
    switch (type) {
      case "message_start": {
        if (started) said.violations.push("message_start came twice");
        started = true;
        const message = isObject(event.message) ? event.message : {};
        said.model = text(message.model) || null;
        said.usage = readUsage(message.usage);
        if ((said.usage?.input ?? 0) <= 0) said.violations.push("message_start.usage is zero");
        break;
      }
      case "content_block_start": {
        const block = isObject(event.content_block) ? event.content_block : {};
        if (open !== null) said.violations.push("a block begins while another is open");
        if (event.index !== blocks) said.violations.push(`block ${event.index} where ${blocks} is next`);
        open = { index: blocks++, type: text(block.type) };
        if (block.type === "tool_use")
          said.calls.push({ id: text(block.id), name: text(block.name), arguments: "" });
        break;
      }
      case "content_block_delta": {
        const delta = isObject(event.delta) ? event.delta : {};
        if (open === null || event.index !== open.index) said.violations.push("a delta outside its block");
        else if (!DELTA_OF[open.type]?.includes(text(delta.type)))
          said.violations.push(`${delta.type} in a block of ${open.type}`);
        said.text += text(delta.text);
        said.reasoning += text(delta.thinking);
        const call = said.calls.at(-1);
        if (delta.type === "input_json_delta" && call !== undefined)
          call.arguments += text(delta.partial_json);
        break;
      }
      case "content_block_stop":
        if (open === null || event.index !== open.index)
          said.violations.push("a block ends that is not open");
        open = null;
        break;
      case "message_delta": {
        const delta = isObject(event.delta) ? event.delta : {};
        said.end = text(delta.stop_reason) || said.end;
        const usage = isObject(event.usage) ? event.usage : {};
        const last = readUsage(event.usage);
        // A count of the input that is left out is the one that message_start told.
        if (last !== null)
          said.usage =
            "input_tokens" in usage
              ? last
              : { ...last, input: said.usage?.input ?? 0, cached: said.usage?.cached ?? 0 };
        break;
      }
      case "message_stop":
        said.terminated = true;
        break;
      case "error":
        readError(said, event);
        break;
      default:
        said.violations.push(`an event of type ${type}`);
    }
  }
  if (open !== null && said.error === null) said.violations.push("a block is left open");
  for (const call of said.calls) if (call.arguments === "") call.arguments = "{}";
  return said;
}
