import type { ToolDefinition } from "../../chat-tools.ts";

/** A tool under the name that the model knows it by. */
export interface NamedTool extends ToolDefinition {
  alias: string;
}

/** What every syntax can hold as it is. */
const PLAIN_NAME = /^[A-Za-z0-9_.-]{1,128}$/;
export const NAME_CHARACTER = /[A-Za-z0-9_.-]/;

/** Gives names that no two tools share and that every syntax can hold; ordinary ones stay as they are. */
export function createAliases(names: Iterable<string>): (name: string) => string {
  const aliases = new Map<string, string>();
  const taken = new Set([...names].filter((name) => PLAIN_NAME.test(name)));
  const aliasOf = (name: string): string => {
    if (PLAIN_NAME.test(name)) return name;
    const known = aliases.get(name);
    if (known !== undefined) return known;
    const base = name.replace(/[^A-Za-z0-9_.-]+/g, "_").slice(0, 120) || "tool";
    let alias = base;
    for (let number = 2; taken.has(alias); number++) alias = `${base}_${number}`;
    taken.add(alias);
    aliases.set(name, alias);
    return alias;
  };
  return aliasOf;
}
