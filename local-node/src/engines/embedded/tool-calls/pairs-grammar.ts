import { isRecord } from "../../../is-record.ts";
import { choice, EMPTY, type Gbnf, literal, oneOf, optional, ref, repeat, seq } from "../../grammar/gbnf.ts";
import { complement, only } from "../../grammar/strings/code-points.ts";
import { UnsupportedSchema } from "../../grammar/unsupported-schema.ts";
import { isText, type JsonType, resolve, typesOfSchema, typesOfValue } from "./argument-values.ts";
import type { PairSyntax } from "./syntax.ts";
import { type TextRules, textUntil } from "./text-rules.ts";

type Schema = Record<string, unknown>;

interface Context {
  pairs: PairSyntax;
  parameters: Schema;
  texts: TextRules;
  strict: boolean;
}

/** References that lead to references. */
const MAX_REFERENCES = 8;
/** Keywords about texts that hold only where texts are written as JSON. */
const TEXT_KEYWORDS = ["pattern", "format", "minLength", "maxLength"];

/**
 * Arguments one by one: those that the schema names, in its order or the template's, each once, the required ones
 * always. Texts stand as they are, so that of what a schema says about texts only `enum` and `const` can be enforced.
 * With `loose`, any arguments.
 */
export function pairsGrammar(options: Context & { loose: boolean }): Gbnf {
  const { pairs, parameters, loose } = options;
  const properties = isRecord(parameters.properties) ? parameters.properties : {};
  const names = Object.keys(properties);
  const required = new Set(Array.isArray(parameters.required) ? parameters.required : []);
  if (loose || names.length === 0) {
    return names.length === 0 && !loose && parameters.additionalProperties === false
      ? EMPTY
      : anyPairs(options);
  }
  if (pairs.sorted) names.sort();
  const members = names.map((name) => ({
    member: pairOf(options, name, properties[name]),
    required: required.has(name),
  }));
  return inOrder(options, members);
}

function inOrder({ pairs, texts }: Context, members: { member: Gbnf; required: boolean }[]): Gbnf {
  const separator = literal(pairs.separator);
  const share = (body: Gbnf): Gbnf =>
    body.kind === "ref" || body === EMPTY ? body : ref(texts.rules.addRule(texts.name(), body));
  // From the last to the first: what may follow once a pair was written, and what may come first.
  let following: Gbnf = EMPTY;
  let first: Gbnf = EMPTY;
  for (const { member, required } of members.toReversed()) {
    const shared = share(member);
    const here = seq(shared, following);
    first = required ? here : choice(here, first);
    const next = seq(separator, here);
    following = share(required ? next : choice(next, following));
  }
  return first;
}

function pairOf(context: Context, name: string, schema: unknown): Gbnf {
  const { pairs, parameters } = context;
  if (name.includes(pairs.between.text.trim()[0] ?? "")) {
    throw new UnsupportedSchema({
      path: `#/properties/${name}`,
      keyword: "properties",
      message: `The name '${name}' cannot be written in this model's calls.`,
    });
  }
  const key = seq(literal(pairs.before), literal(name));
  return seq(key, choice(...waysOf(context, schema, typesOfValue(parameters, name))));
}

/** `between`, a value, `after`. */
function waysOf(context: Context, schema: unknown, types: ReadonlySet<JsonType>, depth = 0): Gbnf[] {
  const { pairs, parameters, texts, strict } = context;
  if (isRecord(schema) && typeof schema.$ref === "string" && depth < MAX_REFERENCES) {
    return waysOf(context, resolve(schema.$ref, parameters), types, depth + 1);
  }
  const text = (): Gbnf => seq(literal(pairs.between.text), textValue(context, schema));
  const other = (value: unknown): Gbnf =>
    seq(
      literal(pairs.between.other),
      ref(texts.rules.addSchema(withDefinitions(value, parameters), { strict })),
      literal(pairs.after),
    );
  if (isText(types)) return [text()];
  if (!types.has("string")) return [other(schema)];
  if (!isRecord(schema)) return [text(), other(true)];
  const listed = listedValues(schema);
  if (listed !== null) {
    return [text(), other({ enum: listed.filter((value) => typeof value !== "string") })];
  }
  if (Array.isArray(schema.type)) {
    const others = schema.type.filter((type) => type !== "string");
    return [text(), other({ ...schema, type: others })];
  }
  for (const keyword of ["anyOf", "oneOf"]) {
    const ways = schema[keyword];
    if (!Array.isArray(ways)) continue;
    return ways.flatMap((way) => waysOf(context, way, typesOfSchema(way, parameters)));
  }
  return [text(), other(schema)];
}

function textValue(context: Context, schema: unknown): Gbnf {
  const { pairs, strict } = context;
  const listed = isRecord(schema) ? listedValues(schema) : null;
  if (listed !== null) {
    const texts = listed.filter((value) => typeof value === "string");
    return seq(choice(...texts.map((value) => literal(quoted(value, pairs)))), literal(pairs.after));
  }
  const unenforced = TEXT_KEYWORDS.find((keyword) => isRecord(schema) && keyword in schema);
  if (strict && unenforced !== undefined) {
    throw new UnsupportedSchema({
      path: "#",
      keyword: unenforced,
      message: `'${unenforced}' cannot be enforced for texts in this model's calls.`,
    });
  }
  return freeText(context);
}

function freeText({ pairs, texts }: Context): Gbnf {
  const { quote, after } = pairs;
  const behind = literal(after);
  if (quote === null) return textUntil(texts, { stop: after, next: EMPTY, mayEnd: false });
  if (quote.length > 1) {
    return seq(literal(quote), textUntil(texts, { stop: quote, next: behind, mayEnd: false }));
  }
  const plain = oneOf(complement([[0, 0x1f], ...only(quote, "\\")]));
  const escaped = seq(literal("\\"), oneOf(only(quote, "\\", "n", "t", "r")));
  return seq(literal(quote), repeat(choice(plain, escaped), 0, null), literal(quote), behind);
}

function quoted(value: string, { quote }: PairSyntax): string {
  if (quote === null) return value;
  if (quote.length > 1) return quote + value + quote;
  return (
    quote + value.replaceAll("\\", "\\\\").replaceAll(quote, `\\${quote}`).replaceAll("\n", "\\n") + quote
  );
}

const KEY_START = oneOf([
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]);
const KEY_REST = oneOf([
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]);

/** Arguments of any names and values. */
function anyPairs(context: Context): Gbnf {
  const { pairs, texts } = context;
  const pair = ref(
    texts.rules.addRule(
      texts.name(),
      seq(
        literal(pairs.before),
        KEY_START,
        repeat(KEY_REST, 0, 63),
        choice(
          seq(literal(pairs.between.text), freeText(context)),
          seq(literal(pairs.between.other), ref(texts.rules.jsonValue()), literal(pairs.after)),
        ),
      ),
    ),
  );
  return optional(seq(pair, repeat(seq(literal(pairs.separator), pair), 0, null)));
}

function listedValues(schema: Schema): unknown[] | null {
  if (Array.isArray(schema.enum)) return schema.enum;
  return "const" in schema ? [schema.const] : null;
}

/** A part of a schema, with what its references lead to. */
function withDefinitions(schema: unknown, root: Schema): unknown {
  if (!isRecord(schema)) return schema;
  const { $defs, definitions } = root;
  return {
    ...($defs === undefined ? {} : { $defs }),
    ...(definitions === undefined ? {} : { definitions }),
    ...schema,
  };
}
