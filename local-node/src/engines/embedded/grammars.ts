import { writeSync } from "node:fs";
import type { Llama, LlamaGrammar } from "node-llama-cpp";
import { invalidRequest } from "../../serve/node-errors.ts";
import { STDERR_MUTE } from "./stderr-filter.ts";

/** Compiling takes up to a second at this size, in which nothing else is generated. */
const MAX_GRAMMAR_BYTES = 256 * 1024;
/** llama.cpp parses brackets by recursion: some thousands of them end the process. */
const MAX_DEPTH = 200;
const MAX_KEPT = 32;

/** Compiles grammars, and keeps those of late: agents send the same schema again and again. */
export interface Grammars {
  /** Throws a 400 `invalid_grammar` for what llama.cpp refuses. */
  compile(gbnf: string): Promise<LlamaGrammar>;
}

export function createGrammars(llama: Llama): Grammars {
  const kept = new Map<string, LlamaGrammar>();
  return {
    async compile(gbnf) {
      const known = kept.get(gbnf);
      if (known !== undefined) {
        kept.delete(gbnf);
        kept.set(gbnf, known);
        return known;
      }
      if (Buffer.byteLength(gbnf) > MAX_GRAMMAR_BYTES) {
        throw invalidGrammar(`is larger than ${MAX_GRAMMAR_BYTES / 1024} KiB`);
      }
      if (bracketDepth(gbnf) > MAX_DEPTH) throw invalidGrammar(`nests more than ${MAX_DEPTH} brackets`);
      const grammar = await parse(llama, gbnf);
      kept.set(gbnf, grammar);
      for (const oldest of kept.keys()) {
        if (kept.size <= MAX_KEPT) break;
        kept.delete(oldest);
      }
      return grammar;
    },
  };
}

async function parse(llama: Llama, gbnf: string): Promise<LlamaGrammar> {
  // llama.cpp writes a grammar that it refuses to stderr, whole: it is a caller's, and belongs into no log.
  writeSync(2, STDERR_MUTE.on);
  try {
    return await llama.createGrammar({ grammar: gbnf });
  } catch (cause) {
    throw invalidGrammar("cannot be parsed by llama.cpp", cause);
  } finally {
    writeSync(2, STDERR_MUTE.off);
  }
}

/** How deep round brackets nest, outside of literals, character classes and comments. */
function bracketDepth(gbnf: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [token] of gbnf.matchAll(/"(?:[^"\\]|\\.)*"?|\[(?:[^\]\\]|\\.)*\]?|#[^\n]*|[()]/gs)) {
    if (token === "(") deepest = Math.max(deepest, ++depth);
    else if (token === ")") depth--;
  }
  return deepest;
}

function invalidGrammar(reason: string, cause?: unknown) {
  return invalidRequest({
    code: "invalid_grammar",
    message: `The grammar of this call ${reason}. Simplify the schema, or correct the grammar.`,
    cause,
  });
}
