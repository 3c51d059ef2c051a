import { RouteletError } from "../../errors.ts";
import { add, addText, EMPTY, type Hash, name } from "./hash.ts";
import { schemaHash } from "./schema-hash.ts";
import { SKELETON_VERSION, skeletonOf } from "./skeleton.ts";

/** What of a call says which task it is. */
export interface CallShape {
  /** The texts of the system prompt; none where the call has none. */
  system: readonly string[];
  /** The text of the first user message: it leads where there is no system prompt. */
  firstUser: string;
  tools: readonly { name: string; parameters: unknown }[];
  /** The form that the text must have: a JSON Schema, `true` for any JSON object, null for free text. */
  format: unknown;
  /** Of the last message: `user`, `tool`, … */
  lastRole: string;
}

/** Names a kind of call, from the finest to the coarsest; where a finer one has too little evidence the next one counts. */
export interface TaskKey {
  /** Of the prompt's skeleton and all below: calls of one key come from one template. */
  key: string;
  /** Of tools, format and last role: only calls of one group can be one task. */
  group: string;
  /** Of the tools alone. */
  tools: string;
  skeleton: Uint32Array;
}

/** Of a set of tools, whatever their order and the words that describe them. Costly for many tools: keep it with their text. */
export function toolsHash(tools: CallShape["tools"]): Hash {
  const sorted = tools
    .map((tool) => ({ ...tool, hash: schemaHash(tool.parameters) }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.hash.high - b.hash.high));
  return sorted.reduce(
    (hash, tool) => add(add(addText(hash, tool.name), tool.hash.high), tool.hash.low),
    add(EMPTY, sorted.length),
  );
}

/**
 * The key of a call's task: the same on every machine, after every restart and in every version, as long as
 * `SKELETON_VERSION` stays. `tools`: `toolsHash` of the call's tools, where it is known already.
 */
export function taskKeyOf(shape: CallShape, tools: Hash = toolsHash(shape.tools)): TaskKey {
  const lead = shape.system.length > 0 ? shape.system.join("\n") : shape.firstUser;
  const skeleton = skeletonOf(lead);
  const format = schemaHash(shape.format);
  let group = add(add(EMPTY, tools.high), tools.low);
  group = addText(add(add(group, format.high), format.low), shape.lastRole);
  // In order of value: a prompt whose sections were reordered is the same prompt.
  const key = skeleton.toSorted().reduce(add, add(group, SKELETON_VERSION));
  return { key: name(key), group: name(group), tools: name(tools), skeleton };
}

const MAX_NAME = 100;

/**
 * The task that a caller names in `x-routelet-task`, as a key; null where the header is absent or empty. It begins with
 * `task:`, as no recognised key does.
 *
 * @throws RouteletError `invalid_task_name`.
 */
export function namedTask(header: string | null): string | null {
  const given = header?.trim() ?? "";
  if (given === "") return null;
  if (given.length > MAX_NAME || /\p{C}/u.test(given)) {
    throw new RouteletError({
      kind: "invalid_request",
      code: "invalid_task_name",
      message: `The header x-routelet-task must be a name of at most ${MAX_NAME} visible characters.`,
    });
  }
  return `task:${given}`;
}
