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

function readUsage(said: Said, usage: unknown): void {
  if (!isObject(usage)) return;
  const details = isObject(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {};
  said.usage = {
    input: count(usage.prompt_tokens),
    cached: count(details.cached_tokens),
    output: count(usage.completion_tokens),
  };
}

function readError(said: Said, error: unknown): void {
  const { message, code, type } = isObject(error) ? error : {};
  said.error = { code: String(code ?? type ?? ""), message: text(message) };
}

/** Reads a whole chat completion (OpenAI API reference). */
export function readChat(body: Json): Said {
  const said = nothingSaid();
  said.model = text(body.model) || null;
  if (body.error != null) readError(said, body.error);
  const [choice] = objects(body.choices);
  if (choice === undefined) return said;
  const message = isObject(choice.message) ? choice.message : {};
  if (message.role !== "assistant") said.violations.push("the message's role is not assistant");
  said.text = text(message.content);
  said.reasoning = text(message.reasoning_content);
  for (const call of objects(message.tool_calls)) {
    const details = isObject(call.function) ? call.function : {};
    if (typeof details.arguments !== "string") said.violations.push("tool arguments are no string");
    said.calls.push({ id: text(call.id), name: text(details.name), arguments: text(details.arguments) });
  }
  said.end = text(choice.finish_reason) || null;
  readUsage(said, body.usage);
  said.terminated = true;
  return said;
}

/** Reads a chat stream and holds it to its rules: one id, time and model; role once and first; one end; one `[DONE]`. */
export function readChatStream(events: readonly StreamEvent[], wantsUsage: boolean): Said {
  const said = nothingSaid();
  const head: Json = {};
  let roles = 0;
  for (const { data } of events) {
    if (said.terminated) {
      said.violations.push(data === "[DONE]" ? "[DONE] came twice" : "something came after [DONE]");
      continue;
    }
    if (data === "[DONE]") {
      said.terminated = true;
      if (said.error !== null) said.violations.push("[DONE] after an error");
      continue;
    }
    let chunk: unknown;
    try {
      chunk = JSON.parse(data);
    } catch {
      said.violations.push("an event that is no JSON");
      continue;
    }
    if (!isObject(chunk)) continue;
    if (chunk.error != null) {
      readError(said, chunk.error);
      continue;
    }
    for (const field of ["id", "created", "model"]) {
      head[field] ??= chunk[field];
      if (chunk[field] !== head[field]) said.violations.push(`\`${field}\` changes within the stream`);
    }
    said.model = text(head.model) || null;
    if (!Array.isArray(chunk.choices)) said.violations.push("a chunk without `choices`");
    const choices = objects(chunk.choices);
    if (choices.length === 0 && !wantsUsage) said.violations.push("a usage chunk that was not asked for");
    readUsage(said, chunk.usage);
    for (const choice of choices) {
      const delta = isObject(choice.delta) ? choice.delta : {};
      if (delta.role !== undefined) roles += 1;
      if (roles === 0) said.violations.push("content before the role");
      if (said.end !== null && Object.keys(delta).length > 0) said.violations.push("content after the end");
      said.text += text(delta.content);
      said.reasoning += text(delta.reasoning_content);
      readCalls(said, delta);
      if (choice.finish_reason === "") said.violations.push('`finish_reason` is ""');
      if (choice.finish_reason != null) {
        if (said.end !== null) said.violations.push("`finish_reason` came twice");
        said.end = text(choice.finish_reason);
      }
    }
  }
  if (roles > 1) said.violations.push("the role came more than once");
  return said;
}

function readCalls(said: Said, delta: Json): void {
  for (const call of objects(delta.tool_calls)) {
    const index = typeof call.index === "number" ? call.index : -1;
    const details = isObject(call.function) ? call.function : {};
    const known = said.calls[index];
    if (known === undefined) {
      if (index !== said.calls.length)
        said.violations.push(`tool call index ${index} where ${said.calls.length} is next`);
      if (!call.id) said.violations.push("a tool call without an id");
      if (call.type !== "function") said.violations.push("a tool call without its type");
      said.calls.push({ id: text(call.id), name: text(details.name), arguments: text(details.arguments) });
      continue;
    }
    if (call.id !== undefined || details.name !== undefined)
      said.violations.push("id or name again in a tool call's continuation");
    known.arguments += text(details.arguments);
  }
}
