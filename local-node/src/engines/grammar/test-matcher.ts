import { getLlama, type LlamaGrammar } from "node-llama-cpp";

/** llama.cpp's own reading of a grammar: whether it matches a whole text. Needs no model. */
export interface Matcher {
  matches(text: string): boolean;
}

/** The binding's internal whole-text match. */
interface TestableGrammar extends LlamaGrammar {
  _testText(text: string): boolean;
}

let binding: ReturnType<typeof getLlama> | null = null;

/** Rejects when llama.cpp cannot read the grammar. */
export async function createMatcher(gbnf: string): Promise<Matcher> {
  binding ??= getLlama({ build: "never", gpu: false });
  const llama = await binding;
  const grammar = (await llama.createGrammar({ grammar: gbnf })) as TestableGrammar;
  return { matches: (text) => grammar._testText(text) };
}
