import { fnv1a } from "../routing/fnv.ts";
import type { ModelRequest } from "./model-request.ts";

/** Tool names of a request as a backend's dialect allows them, and back. */
export interface ToolNames {
  toBackend(name: string): string;
  toClient(name: string): string;
}

const SAME: ToolNames = { toBackend: (name) => name, toClient: (name) => name };

/** The same name gives the same suffix on every isolate. */
const suffixOf = (name: string): string => fnv1a(name).toString(36);

/**
 * Maps names that a dialect forbids (`allowed` is a class of characters to replace all others in, `max` a length) to
 * ones that it takes. The map is a function of the request alone, so that the reply is read with the same one.
 */
export function toolNames(request: ModelRequest, rule: { forbidden: RegExp; max: number }): ToolNames {
  const names = new Set<string>(request.tools.map(({ name }) => name));
  for (const message of request.messages) {
    if (message.role !== "assistant") continue;
    for (const part of message.content) if (part.type === "tool_call") names.add(part.name);
  }
  const fits = (name: string) =>
    name.length > 0 && name.length <= rule.max && !new RegExp(rule.forbidden.source).test(name);
  const broken = [...names].filter((name) => !fits(name));
  if (broken.length === 0) return SAME;
  const there = new Map<string, string>();
  const back = new Map<string, string>();
  for (const name of broken) {
    const suffix = `_${suffixOf(name)}`;
    const plain = name
      .replace(new RegExp(rule.forbidden.source, "g"), "_")
      .slice(0, rule.max - suffix.length);
    const mapped = `${plain}${suffix}`;
    there.set(name, mapped);
    back.set(mapped, name);
  }
  return {
    toBackend: (name) => there.get(name) ?? name,
    toClient: (name) => back.get(name) ?? name,
  };
}
