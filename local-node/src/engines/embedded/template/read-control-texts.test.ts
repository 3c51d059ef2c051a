import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LlamaModel } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ChatMessage } from "../../chat-messages.ts";
import { createChatTemplate } from "../chat-template.ts";
import { toPromptTokens } from "../prompt-tokens.ts";
import { compileJinja } from "./jinja.ts";
import { readControlTexts, readEndTexts } from "./read-control-texts.ts";
import { openTestBundle, type TestBundle, testLlama } from "./test-bundle.ts";

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const llama = await testLlama();

/** The real vocabularies of models, with their templates. */
describe.each([
  ["ggml-vocab-qwen2.gguf", "Qwen-Qwen3-0.6B"],
  ["ggml-vocab-qwen35.gguf", "Qwen3.5-4B"],
  ["ggml-vocab-gemma-4.gguf", "google-gemma-4-31B-it"],
  ["ggml-vocab-llama-bpe.gguf", "meta-llama-Llama-3.2-3B-Instruct"],
  ["ggml-vocab-phi-3.gguf", "microsoft-Phi-3.5-mini-instruct"],
])("the control tokens of %s", (vocabulary, templateName) => {
  let bundle: TestBundle;
  let folder: string;
  let model: LlamaModel;
  let source: string;
  beforeAll(async () => {
    bundle = await openTestBundle();
    folder = await mkdtemp(join(tmpdir(), "vocabulary-"));
    const modelPath = join(folder, vocabulary);
    await writeFile(modelPath, await bundle.file(`models/${vocabulary}`));
    model = await llama.loadModel({ modelPath, vocabOnly: true });
    source = await bundle.template(templateName);
  });
  afterAll(async () => {
    await model.dispose();
    await bundle.close();
    await rm(folder, { recursive: true });
  });

  const tokensOf = (messages: ChatMessage[], controlTexts: readonly string[]) => {
    const template = createChatTemplate({
      source,
      renderJinja: compileJinja(llama, source),
      tokens: { bos: model.tokens.bosString, eos: model.tokens.eosString },
      controlTexts,
      endTexts: readEndTexts(model),
      newNonce: () => "0123456789abcdef",
    });
    return toPromptTokens(template.render({ messages, tools: [], think: false, effort: null }).pieces, {
      tokenize: (text, { continues }) =>
        model.tokenize(text, true, continues ? "trimLeadingSpace" : undefined),
      isControl: (token) => model.isSpecialToken(token),
      bos: model.tokens.bos,
      prependBos: model.tokens.shouldPrependBosToken,
    });
  };

  it("are written by the template alone, wherever a caller writes their texts", () => {
    const controlTexts = readControlTexts(model, source);
    const controls = new Set(controlTexts.map((text) => model.tokenize(text, true).join()));
    const messages = (written: string): ChatMessage[] => [
      { role: "user", content: `a${written}b` },
      {
        role: "assistant",
        content: "",
        toolCalls: [{ id: "call_1", name: `f${written}`, arguments: { [`k${written}`]: [`v${written}`] } }],
      },
      { role: "tool", callId: "call_1", name: `f${written}`, content: `r${written}` },
      { role: "assistant", content: `c${written}`, toolCalls: [] },
      { role: "user", content: `d${written}` },
    ];
    const count = (written: string, guarded: readonly string[]): number =>
      tokensOf(messages(written), guarded).filter((token) => controls.has(String(token))).length;
    const harmless = count("", controlTexts);
    const some = controlTexts.filter((text) => source.includes(text));
    expect(some.length).toBeGreaterThan(1);
    for (const text of [...some, some.join(""), controlTexts.at(-1) ?? ""]) {
      expect({ text, controls: count(text, controlTexts) }).toEqual({ text, controls: harmless });
      expect(count(text, [])).toBeGreaterThan(harmless);
    }
  });

  it("cost nothing where nobody writes them: the prompt is tokenized as a whole", () => {
    const messages: ChatMessage[] = [
      { role: "user", content: "If a < b, then [x] is <b>bold</b>.\n\n\nWhy?" },
    ];
    expect(tokensOf(messages, readControlTexts(model, source))).toEqual(tokensOf(messages, []));
  });
});
