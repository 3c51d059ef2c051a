import { choice, type Gbnf, isNever, literal, mapRefs, NEVER, ref, refsOf, render, repeat } from "./gbnf.ts";
import { isJsonRule, JSON_RULES } from "./json-text.ts";
import { LIMITS } from "./limits.ts";
import { compileSchema } from "./schema/compile.ts";
import { readSchema } from "./schema/read-schema.ts";
import type { SchemaDocument } from "./schema/schema.ts";
import { UnsupportedSchema } from "./unsupported-schema.ts";

/** What is said about schemas. */
export interface SchemaOptions {
  /**
   * As `strict` of OpenAI's API: an object that lists `properties` has no others unless `additionalProperties` says so,
   * and a keyword or format that is not known is refused instead of ignored.
   */
  strict?: boolean;
}

/**
 * Collects the rules of one grammar. Rules refer to each other by name, in any order; what the root does not reach is
 * left out.
 */
export interface GrammarRules {
  /** Gives a body a name: letters, digits and `-`. Throws when the name is taken. */
  addRule(name: string, body: Gbnf): string;
  /** A rule for exactly this text. */
  addLiteral(text: string): string;
  /** A rule for the JSON texts of a schema. Throws `UnsupportedSchema`. */
  addSchema(schema: unknown, options?: SchemaOptions): string;
  /** The rule for any JSON value. */
  jsonValue(): string;
  /** The rule for any JSON object. */
  jsonObject(): string;
  /**
   * The grammar as llama.cpp reads it, its `root` the given rule. Throws `UnsupportedSchema` when no text can match or
   * the grammar is too large.
   */
  toText(root: string): string;
}

export function createGrammarRules(): GrammarRules & {
  /** As `addSchema`, for one that was read. */
  addDocument(document: SchemaDocument): string;
} {
  const rules = new Map<string, Gbnf>();
  let lastNumber = 0;

  const set = (name: string, body: Gbnf): void => {
    rules.set(name, hoistRepeated(body));
    if (rules.size > LIMITS.rules) throw tooLarge();
  };
  const reserve = (prefix: string): string => {
    let name: string;
    do name = `${prefix}${++lastNumber}`;
    while (rules.has(name));
    set(name, NEVER);
    return name;
  };
  const hoistRepeated = (body: Gbnf): Gbnf => {
    switch (body.kind) {
      case "text":
      case "ref":
        return body;
      case "seq":
        return { kind: "seq", parts: body.parts.map(hoistRepeated) };
      case "choice":
        return { kind: "choice", options: body.options.map(hoistRepeated) };
      case "repeat": {
        const item = hoistRepeated(body.item);
        // llama.cpp multiplies counts that are written inside each other, and refuses their product.
        const many = Math.max(body.min, body.max ?? 0) > 1;
        const named = !many || item.kind === "text" || item.kind === "ref" ? item : define("r", item);
        return repeat(named, body.min, body.max);
      }
    }
  };
  const define = (prefix: string, body: Gbnf): Gbnf => {
    const name = reserve(prefix);
    set(name, body);
    return ref(name);
  };

  const addDocument = (document: SchemaDocument): string => {
    const name = reserve("s");
    set(name, compileSchema(document, { reserve, set }));
    return name;
  };

  return {
    addRule(name, body) {
      if (!/^[A-Za-z0-9-]+$/.test(name)) throw new Error(`a rule's name has letters, digits and -: ${name}`);
      if (rules.has(name) || isJsonRule(name)) throw new Error(`there is a rule ${name} already`);
      set(name, body);
      return name;
    },
    addLiteral(text) {
      const name = reserve("l");
      set(name, literal(text));
      return name;
    },
    addSchema: (schema, options = {}) => addDocument(readSchema(schema, options)),
    addDocument,
    jsonValue: () => "json-value",
    jsonObject: () => "json-object",
    toText: (root) => renderGrammar(root, rules),
  };
}

function renderGrammar(root: string, rules: ReadonlyMap<string, Gbnf>): string {
  const bodyOf = (name: string): Gbnf => {
    const body = rules.get(name) ?? (isJsonRule(name) ? JSON_RULES[name] : undefined);
    if (body === undefined) throw new Error(`the grammar refers to ${name}, which is no rule`);
    return body;
  };
  const reached = reachable(root, bodyOf);
  const ending = productive(reached, bodyOf);
  if (!ending.has(root)) {
    throw new UnsupportedSchema({
      path: "#",
      keyword: "",
      message:
        "No JSON value of finite size satisfies the schema; look for keywords that contradict each other.",
    });
  }
  // A way that could never end is taken out, so that a model cannot set out on it.
  const bodies = new Map(
    [...reached].map((name) => [
      name,
      mapRefs(bodyOf(name), (used) => (ending.has(used) ? ref(used) : NEVER)),
    ]),
  );
  const kept = reachable(root, (name) => bodies.get(name) ?? NEVER);
  const lines = [...kept].map((name) => `${name} ::= ${render(bodies.get(name) ?? NEVER)}`);
  const text = `${root === "root" ? "" : `root ::= ${root}\n`}${lines.join("\n")}\n`;
  if (text.length > LIMITS.grammarLength) throw tooLarge();
  return text;
}

function reachable(root: string, bodyOf: (name: string) => Gbnf): Set<string> {
  const reached = new Set<string>([root]);
  // A set's iteration comes to what is added on the way.
  for (const name of reached) for (const used of refsOf(bodyOf(name))) reached.add(used);
  return reached;
}

/** The rules from which some finite text can be made. */
function productive(names: ReadonlySet<string>, bodyOf: (name: string) => Gbnf): Set<string> {
  const users = new Map<string, string[]>();
  for (const name of names) {
    for (const used of refsOf(bodyOf(name))) {
      const known = users.get(used);
      if (known === undefined) users.set(used, [name]);
      else known.push(name);
    }
  }
  const ending = new Set<string>();
  const pending = [...names];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (ending.has(name)) continue;
    if (isNever(mapRefs(bodyOf(name), (used) => (ending.has(used) ? ref(used) : choice())))) continue;
    ending.add(name);
    pending.push(...(users.get(name) ?? []));
  }
  return ending;
}

function tooLarge(): UnsupportedSchema {
  return new UnsupportedSchema({
    path: "#",
    keyword: "",
    message: `The grammar of the schema would have more than ${LIMITS.rules} rules or ${LIMITS.grammarLength} characters; use fewer or simpler subschemas.`,
  });
}
