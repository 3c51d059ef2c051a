import type { StreamEvent } from "../said.ts";

export interface EventStream {
  events: StreamEvent[];
  /** Lines that begin with a colon. */
  comments: number;
  violations: string[];
}

/** An event-stream of a whole body, by the WHATWG's rules; what a client would lose is a violation. */
export function readEventStream(bytes: Buffer): EventStream {
  const events: StreamEvent[] = [];
  const violations: string[] = [];
  let comments = 0;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    violations.push("the stream is not valid UTF-8");
    text = bytes.toString();
  }
  let name = "";
  let data: string[] = [];
  const lines = text.split(/\r\n|\n|\r/);
  // What stands after the last line end is no line.
  const rest = lines.pop() ?? "";
  for (const line of lines) {
    if (line === "") {
      if (data.length > 0) events.push({ name: name === "" ? null : name, data: data.join("\n") });
      name = "";
      data = [];
      continue;
    }
    if (line.startsWith(":")) {
      comments += 1;
      continue;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") name = value;
    else if (field !== "id" && field !== "retry") violations.push(`a line of the unknown field ${field}`);
  }
  if (rest !== "" || data.length > 0) violations.push("the last event lacks its blank line");
  return { events, comments, violations };
}
