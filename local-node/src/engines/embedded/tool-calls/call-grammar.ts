import { invalidRequest } from "../../../serve/node-errors.ts";
import { choice, EMPTY, type Gbnf, literal, NEVER, oneOf, ref, repeat, seq } from "../../grammar/gbnf.ts";
import { createGrammarRules, type GrammarRules } from "../../grammar/grammar-rules.ts";
import { UnsupportedSchema } from "../../grammar/unsupported-schema.ts";
import { closeObjects } from "./close-objects.ts";
import { pairsGrammar } from "./pairs-grammar.ts";
import type { Thinking } from "./reply-reader.ts";
import { leadOf, markerOf, type Part, type ToolSyntax } from "./syntax.ts";
import { SPACE, type TextRules, textUnlessLed, textUntil } from "./text-rules.ts";
import type { NamedTool } from "./tools.ts";

export interface CallGrammarOptions {
  syntax: ToolSyntax;
  /** Those that may be called. */
  tools: readonly NamedTool[];
  mode: "none" | "auto" | "required";
  /** Whether a reply may make several calls. */
  parallel: boolean;
  thinking: Thinking | null;
  /** What a reply without calls must be; null: any text. */
  answer: ((rules: GrammarRules) => string) | null;
  /** Hold arguments only to be JSON. */
  loose?: boolean;
}

/**
 * What a reply may be where the caller offers tools: text without calls, or with them, or calls alone. Calls name one of
 * the tools, and their arguments satisfy its schema; a schema that no grammar can say is held to "a JSON object", unless
 * its tool is `strict`: then a 400 `invalid_json_schema` names it. Null: anything.
 */
export function callGrammar(options: CallGrammarOptions): string | null {
  try {
    return compose(options, options.loose ?? false);
  } catch (error) {
    if (!(error instanceof UnsupportedSchema)) throw error;
    const strict = options.tools.find((tool) => tool.strict);
    if (strict !== undefined) throw unsupportedSchema(strict, error);
    // All schemas together are too much: the calls are still calls of these tools.
    return compose(options, true);
  }
}

function compose(options: CallGrammarOptions, loose: boolean): string | null {
  const { thinking } = options;
  const rules = createGrammarRules();
  let count = 0;
  const texts: TextRules = { rules, name: () => `w${++count}` };
  const body = replyBody(options, texts, loose);
  if (body === null) return null;
  if (thinking === null) return rules.toText(rules.addRule("reply", body));
  const reply = ref(rules.addRule("reply", body));
  const thoughts = textUntil(texts, { stop: thinking.close, next: seq(SPACE, reply), mayEnd: false });
  const root = thinking.begun ? thoughts : choice(seq(SPACE, literal(thinking.open), thoughts), reply);
  return rules.toText(rules.addRule("thinking", root));
}

function replyBody(options: CallGrammarOptions, texts: TextRules, loose: boolean): Gbnf | null {
  const { syntax, mode, answer } = options;
  const marker = markerOf(syntax);
  const { rules } = texts;
  if (mode === "none") {
    if (answer !== null) return ref(answer(rules));
    return marker.anywhere ? textUntil(texts, { stop: marker.text, next: NEVER, mayEnd: true }) : null;
  }
  const lead = leadOf(syntax);
  const calls = (skip: string): Gbnf => callsBehind(options, texts, { skip, loose });
  if (mode === "required") return seq(SPACE, calls(""));
  if (answer !== null) return choice(seq(SPACE, calls("")), ref(answer(rules)));
  return marker.anywhere
    ? textUntil(texts, { stop: marker.text, next: calls(marker.text), mayEnd: true })
    : textUnlessLed(texts, { lead, next: calls(lead) });
}

/** Calls, of which `skip` stands there already. */
function callsBehind(
  { syntax, tools, parallel }: CallGrammarOptions,
  texts: TextRules,
  { skip, loose }: { skip: string; loose: boolean },
): Gbnf {
  const { rules } = texts;
  const [first, ...behindFirst] = syntax.open;
  const opening = typeof first === "string" ? first : "";
  const rest = typeof first === "string" ? behindFirst : syntax.open;
  const call = ref(
    rules.addRule(
      "call",
      choice(
        ...tools.map((tool) =>
          seq(...fill(rest, tool.alias), argumentsOf(tool, syntax, texts, loose), ...fill(syntax.close, "")),
        ),
      ),
    ),
  );
  const more = seq(literal(syntax.separator + opening), call);
  return seq(
    literal(leadOf(syntax).slice(skip.length)),
    call,
    syntax.several && parallel ? repeat(ref(rules.addRule("more-calls", more)), 0, null) : EMPTY,
    literal(syntax.end),
  );
}

const ID = repeat(
  oneOf([
    [0x30, 0x39],
    [0x41, 0x5a],
    [0x61, 0x7a],
  ]),
  9,
  9,
);

function fill(parts: readonly Part[], name: string): Gbnf[] {
  return parts.map((part) => {
    if (typeof part === "string") return literal(part);
    return part.slot === "name" ? literal(name) : ID;
  });
}

function argumentsOf(tool: NamedTool, syntax: ToolSyntax, texts: TextRules, loose: boolean): Gbnf {
  const { rules } = texts;
  const parameters = tool.strict ? tool.parameters : closeObjects(tool.parameters);
  try {
    if (syntax.pairs !== null)
      return pairsGrammar({ pairs: syntax.pairs, parameters, texts, strict: tool.strict, loose });
    return ref(loose ? rules.jsonObject() : rules.addSchema(asObject(parameters), { strict: tool.strict }));
  } catch (error) {
    if (!(error instanceof UnsupportedSchema)) throw error;
    if (tool.strict) throw unsupportedSchema(tool, error);
    if (syntax.pairs === null) return ref(rules.jsonObject());
    return pairsGrammar({ pairs: syntax.pairs, parameters, texts, strict: false, loose: true });
  }
}

/** Arguments are an object, also where the schema does not say so. */
function asObject(parameters: Record<string, unknown>): Record<string, unknown> {
  return parameters.type === undefined ? { ...parameters, type: "object" } : parameters;
}

function unsupportedSchema(tool: NamedTool, error: UnsupportedSchema) {
  return invalidRequest({
    code: "invalid_json_schema",
    message: `The parameters of the strict tool '${tool.name}' cannot be honoured: ${error.message}`,
    param: "tools",
    cause: error,
  });
}
