import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ToolCall } from "../../chat-messages.ts";
import { compileJinja, type RenderJinja } from "../template/jinja.ts";
import { openTestBundle, type TestBundle, testLlama } from "../template/test-bundle.ts";
import { probeTraits } from "../template/traits.ts";
import { deriveSyntax } from "./derive-syntax.ts";
import { markerOf, type ToolSyntax, writeCalls } from "./syntax.ts";
import { END_TEXTS } from "./test-end-texts.ts";

const llama = await testLlama();

const berlin: ToolCall = { id: "callprobe", name: "get_weather", arguments: { city: "Berlin", days: 2 } };
const rome: ToolCall = { id: "callother", name: "get_weather", arguments: { city: "Rome", days: 3 } };
const time: ToolCall = { id: "callthird", name: "get_time", arguments: {} };

const HERMES =
  '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Berlin", "days": 2}}\n</tool_call>';
const QWEN_XML =
  "<tool_call>\n<function=get_weather>\n<parameter=city>\nBerlin\n</parameter>\n<parameter=days>\n2\n</parameter>\n</function>\n</tool_call>";
const GLM =
  "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Berlin</arg_value>\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>";
const LLAMA = '{"name": "get_weather", "parameters": {"city": "Berlin", "days": 2}}';
const GEMMA = '<|tool_call>call:get_weather{city:<|"|>Berlin<|"|>,days:2}<tool_call|>';

/** How a reply of each family looks, recorded from its template. */
const RECORDED: Record<string, string> = {
  "Apertus-8B-Instruct": '<|tools_prefix|>[{"get_weather": {"city": "Berlin", "days": 2}}]<|tools_suffix|>',
  "Bielik-11B-v3.0-Instruct": `\n${HERMES}`,
  "GLM-4.6": GLM,
  "GLM-4.7-Flash": GLM.replaceAll("\n", ""),
  "LFM2.5-8B-A1B": "<|tool_call_start|>[get_weather(city='Berlin', days=2)]<|tool_call_end|>",
  "MiniMax-M2":
    '\n<minimax:tool_call>\n<invoke name="get_weather">\n<parameter name="city">Berlin</parameter>\n<parameter name="days">2</parameter>\n</invoke>\n</minimax:tool_call>',
  "Mistral-Small-3.2-24B-Instruct-2506":
    '[TOOL_CALLS]get_weather[CALL_ID]callprobe[ARGS]{"city": "Berlin", "days": 2}',
  "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": `\n${QWEN_XML}\n`,
  "NVIDIA-Nemotron-Nano-v2":
    '<TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Berlin", "days": 2}}]</TOOLCALL>',
  "NousResearch-Hermes-3-Llama-3.1-8B-tool_use": HERMES,
  "Qwen-Qwen2.5-7B-Instruct": HERMES,
  "Qwen-Qwen3-0.6B": HERMES,
  "Qwen3-Coder": QWEN_XML,
  "Qwen3.5-4B": QWEN_XML,
  "google-gemma-4-31B-it": GEMMA,
  "ibm-granite-granite-4.0": HERMES,
  "ibm-granite-granite-4.1": HERMES,
  "llama-cpp-deepseek-r1":
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{"city": "Berlin", "days": 2}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
  "meetkai-functionary-medium-v3.1": '<function=get_weather>{"city": "Berlin", "days": 2}</function>',
  "meta-llama-Llama-3.1-8B-Instruct": LLAMA,
  "meta-llama-Llama-3.2-3B-Instruct": LLAMA,
  "mistralai-Ministral-3-14B-Reasoning-2512": '[TOOL_CALLS]get_weather[ARGS]{"city": "Berlin", "days": 2}',
  "mistralai-Mistral-Nemo-Instruct-2407":
    '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Berlin", "days": 2}, "id": "callprobe"}]',
  "openbmb-MiniCPM5-1B":
    '<function name="get_weather"><param name="city">Berlin</param><param name="days">2</param></function>',
};

describe("the syntax of tool calls that a template shows", () => {
  let bundle: TestBundle;
  beforeAll(async () => {
    bundle = await openTestBundle();
  });
  afterAll(() => bundle.close());

  const derive = async (name: string): Promise<ToolSyntax | null> => {
    const render: RenderJinja = compileJinja(llama, await bundle.template(name));
    const withDefaults: RenderJinja = (variables) =>
      render({ enable_thinking: false, bos_token: "<s>", eos_token: "</s>", ...variables });
    const { tools } = probeTraits(withDefaults, null);
    return tools === null ? null : deriveSyntax({ render: withDefaults, traits: tools, endTexts: END_TEXTS });
  };

  it.each(Object.entries(RECORDED))("is found by comparing what it renders: %s", async (name, expected) => {
    const syntax = await derive(name);
    expect(syntax === null ? null : writeCalls(syntax, [berlin])).toBe(expected);
  });

  it("is the same for several calls and for calls without arguments", async () => {
    const qwen = await derive("Qwen3.5-4B");
    expect(qwen === null ? null : writeCalls(qwen, [time, berlin])).toBe(
      `<tool_call>\n<function=get_time>\n</function>\n</tool_call>\n${QWEN_XML}`,
    );
    const nemo = await derive("mistralai-Mistral-Nemo-Instruct-2407");
    expect(nemo === null ? null : writeCalls(nemo, [time, rome])).toBe(
      '[TOOL_CALLS][{"name": "get_time", "arguments": {}, "id": "callthird"}, {"name": "get_weather", "arguments": {"city": "Rome", "days": 3}, "id": "callother"}]',
    );
  });

  it("has names of arguments in order where the template puts them so (Gemma)", async () => {
    expect((await derive("google-gemma-4-31B-it"))?.pairs?.sorted).toBe(true);
    expect((await derive("Qwen3.5-4B"))?.pairs?.sorted).toBe(false);
  });

  it("has one call where the template takes one, or numbers them", async () => {
    expect((await derive("meta-llama-Llama-3.2-3B-Instruct"))?.several).toBe(false);
    expect((await derive("moonshotai-Kimi-K2"))?.several).toBe(false);
    expect((await derive("Qwen-Qwen3-0.6B"))?.several).toBe(true);
  });

  it("is not guessed where the template writes calls in a way of its own", async () => {
    for (const name of ["openai-gpt-oss-120b", "muse-glimmer", "MiniMax-M3"])
      expect(await derive(name)).toBeNull();
  });

  it("begins with markup that tells it from text, but for Llama's bare JSON", async () => {
    const markers = await Promise.all(
      ["Qwen3.5-4B", "openbmb-MiniCPM5-1B", "google-gemma-4-31B-it", "meta-llama-Llama-3.2-3B-Instruct"].map(
        async (name) => {
          const syntax = await derive(name);
          return syntax === null ? null : markerOf(syntax);
        },
      ),
    );
    expect(markers).toEqual([
      { text: "<tool_call>", anywhere: true },
      { text: '<function name="', anywhere: true },
      { text: "<|tool_call>", anywhere: true },
      { text: '{"name": "', anywhere: false },
    ]);
  });
});
