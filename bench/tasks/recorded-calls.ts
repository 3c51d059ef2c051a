import { createHash } from "node:crypto";
import { emptyRequest, type Message, type ModelRequest } from "../../src/dialects/model-request.ts";
import { readRecords } from "../lib/data.ts";
import type { BenchOptions } from "../lib/report.ts";

/** A recorded call of MetaGPT and, where its template is one of several calls, the name of its task. */
export interface RecordedCall {
  label: string | null;
  request: ModelRequest;
  /** What was answered; of a call that asked for a function's arguments, these as JSON. */
  response: string;
}

function message(role: string, content: string): Message {
  const parts = [{ type: "text" as const, text: content }];
  return role === "system" || role === "assistant"
    ? { role, content: parts }
    : { role: "user", content: parts };
}

/** Its cache keeps a call as one text: a JSON list of messages, or system prompts and user message with marks between. */
function messagesOf(prompt: string): Message[] {
  if (prompt.startsWith('[{"role"')) {
    const given = JSON.parse(prompt) as { role: string; content: string }[];
    return given.map(({ role, content }) => message(role, content));
  }
  const [system = "", user] = prompt.split("#SYSTEM_MSG_END#");
  if (user === undefined) return [message("user", prompt)];
  return [...system.split("#MSG_SEP#").map((text) => message("system", text)), message("user", user)];
}

export function readRecordedCalls(options: BenchOptions): RecordedCall[] {
  const labels = new Map(
    readRecords<{ prompt_sha256: string; task: string }>(options, "agents/metagpt-labels.jsonl").map(
      ({ prompt_sha256, task }) => [prompt_sha256, task],
    ),
  );
  return readRecords<{ prompt: string; response: unknown }>(options, "agents/metagpt-calls.jsonl").map(
    ({ prompt, response }) => ({
      label: labels.get(createHash("sha256").update(prompt).digest("hex")) ?? null,
      request: { ...emptyRequest(), messages: messagesOf(prompt) },
      response: typeof response === "string" ? response : JSON.stringify(response),
    }),
  );
}
