import type { InputPart, ModelRequest } from "../dialects/model-request.ts";
import type { CallShape } from "../routing/task/task-key.ts";

const textOf = (parts: readonly InputPart[]): string =>
  parts.flatMap((part) => (part.type === "text" ? part.text : [])).join("\n");

/** What of a request says which task it is (`src/routing/task/`). */
export function callShapeOf({ messages, tools, format }: ModelRequest): CallShape {
  const system = messages.flatMap((message) =>
    message.role === "system" || message.role === "developer" ? textOf(message.content) : [],
  );
  const first = messages.find(({ role }) => role === "user");
  return {
    system,
    firstUser: first?.role === "user" ? textOf(first.content) : "",
    tools,
    format: format === null ? null : format.type === "json_object" ? true : format.schema,
    lastRole: messages.at(-1)?.role ?? "",
  };
}
