import { z } from "zod";
import type { NodeError } from "../serve/contract.ts";
import { invalidAnswer, invalidRequest } from "../serve/node-errors.ts";
import type { FinishReason } from "./chat-output.ts";
import { createGrammarRules } from "./grammar/grammar-rules.ts";
import { schemaGrammar } from "./grammar/schema-grammar.ts";
import { UnsupportedSchema } from "./grammar/unsupported-schema.ts";

const jsonSchema = z.object({
  type: z.literal("json_schema"),
  json_schema: z.object({
    name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, '_' or '-'."),
    description: z.string().nullish(),
    schema: z.record(z.string(), z.unknown()).default({}),
    strict: z.boolean().nullish(),
  }),
});

/** `response_format` of OpenAI's chat completions. */
export const responseFormatSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  jsonSchema,
]);
export type ResponseFormat = z.infer<typeof responseFormatSchema>;

/** What an answer has to be, so that it may end with `stop`. */
export interface AnswerFormat {
  /** GBNF that the text must match. */
  grammar: string;
  /** What is wrong with a text; null: it is what was asked for. */
  check(text: string): string | null;
}

/** Agents send the same schema with each call. */
const MAX_KEPT = 32;
const kept = new Map<string, AnswerFormat>();

/** Null: any text. Throws a `NodeError` 400 `invalid_json_schema` that names the place in the schema. */
export function toAnswerFormat(format: ResponseFormat): AnswerFormat | null {
  if (format.type === "text") return null;
  const key = JSON.stringify(
    format.type === "json_object" ? [] : [format.json_schema.schema, format.json_schema.strict === true],
  );
  const answerFormat = kept.get(key) ?? compile(format);
  kept.delete(key);
  kept.set(key, answerFormat);
  for (const oldest of kept.keys()) {
    if (kept.size <= MAX_KEPT) break;
    kept.delete(oldest);
  }
  return answerFormat;
}

function compile(format: Exclude<ResponseFormat, { type: "text" }>): AnswerFormat {
  if (format.type === "json_object") {
    const rules = createGrammarRules();
    return { grammar: rules.toText(rules.jsonObject()), check: (text) => parse(text).problem };
  }
  const { gbnf, validate } = compileSchema(format.json_schema.schema, format.json_schema.strict === true);
  return {
    grammar: gbnf,
    check(text) {
      const { value, problem } = parse(text);
      if (problem !== null) return problem;
      const [first] = validate(value);
      return first === undefined ? null : `does not satisfy the schema: ${first.path} ${first.message}`;
    },
  };
}

function compileSchema(schema: unknown, strict: boolean) {
  try {
    return schemaGrammar(schema, { strict });
  } catch (error) {
    if (!(error instanceof UnsupportedSchema)) throw error;
    throw invalidRequest({
      code: "invalid_json_schema",
      message: `'response_format.json_schema.schema' cannot be honoured: ${error.message}`,
      param: "response_format",
      cause: error,
    });
  }
}

function parse(text: string): { value: unknown; problem: string | null } {
  try {
    return { value: JSON.parse(text), problem: null };
  } catch {
    // Under its grammar only a stop sequence ends a text before it is whole.
    return { value: undefined, problem: "is no whole JSON text: one of the call's 'stop' sequences cut it" };
  }
}

/** Collects the texts of a call's choices and checks each that ends by itself. */
export function createAnswerCheck(format: AnswerFormat): {
  text(choice: number, text: string): void;
  /** A 502 `invalid_answer`, or null; what was cut at the token limit is not looked at. */
  finish(choice: number, finishReason: FinishReason): NodeError | null;
} {
  const texts = new Map<number, string>();
  return {
    text: (choice, text) => texts.set(choice, (texts.get(choice) ?? "") + text),
    finish(choice, finishReason) {
      const text = texts.get(choice) ?? "";
      texts.delete(choice);
      if (finishReason !== "stop") return null;
      const problem = format.check(text);
      return problem === null ? null : invalidAnswer(`The model's answer ${problem}.`);
    },
  };
}
