import { describe, expect, it } from "vitest";
import { surrogates } from "../conversion/privacy/surrogates.ts";
import type { Example } from "./example.ts";
import { withoutPrivate } from "./without-private.ts";

const by = surrogates({ seed: "a seed that nobody has" });
const MAIL = "jane.roe@acme-corp.com";
const CARD = "4539 1488 0343 6467";

const example = (more: Partial<Example> = {}): Example => ({
  messages: [
    { role: "system", content: "You send mails." },
    { role: "user", content: `Write to ${MAIL}: my card is ${CARD}.` },
  ],
  answer: {
    role: "assistant",
    content: null,
    tool_calls: [
      { id: "c", type: "function", function: { name: "send", arguments: JSON.stringify({ to: MAIL }) } },
    ],
  },
  tools: [
    {
      type: "function",
      function: {
        name: "send",
        description: "Ask helpdesk@acme-corp.com when it fails.",
        parameters: { type: "object", properties: { to: { type: "string" } }, required: ["to"] },
      },
    },
  ],
  ...more,
});

function argumentsOf(treated: Example): { to: string } {
  const [call] = (treated.answer?.tool_calls ?? []) as { function: { arguments: string } }[];
  return JSON.parse(call?.function.arguments ?? "{}");
}

describe("an example without what is private", () => {
  it("has the same surrogate in the conversation and in the arguments of its calls", () => {
    const treated = withoutPrivate(example(), by);
    const text = JSON.stringify(treated);
    expect(treated?.replaced).toBe(true);
    for (const found of [MAIL, CARD, "helpdesk@acme-corp.com"]) expect(text).not.toContain(found);
    const { to } = argumentsOf(treated?.example ?? example());
    expect(to).toMatch(/^\S+@\S+$/);
    expect(treated?.example.messages[1]?.content).toContain(to);
  });

  it("stays as it was where nothing is", () => {
    const plain = example({
      messages: [{ role: "user", content: "Write to the boss." }],
      answer: { role: "assistant", content: "Whom do you mean?" },
      tools: undefined as never,
    });
    expect(withoutPrivate(plain, by)).toEqual({ example: plain, replaced: false });
  });

  it("offers values that its tools list under the surrogates that its answer has", () => {
    const listed = structuredClone(example());
    const [tool] = listed.tools as { function: { parameters: { properties: { to: object } } } }[];
    if (tool !== undefined) tool.function.parameters.properties.to = { type: "string", enum: [MAIL] };
    const treated = withoutPrivate(listed, by);
    expect(JSON.stringify(treated)).not.toContain(MAIL);
    expect(JSON.stringify(treated?.example.tools)).toContain(argumentsOf(treated?.example ?? example()).to);
  });

  it.each<[string, Partial<Example>]>([
    [
      "it holds a picture",
      {
        messages: [
          { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }] },
        ],
      },
    ],
    [
      "its answer does not fit its tools any more",
      {
        tools: [
          {
            type: "function",
            function: {
              name: "send",
              parameters: { type: "object", properties: { to: { type: "string", maxLength: 5 } } },
            },
          },
        ],
      },
    ],
    ["it has no answer", { answer: null }],
  ])("is none where %s", (_what, more) => {
    expect(withoutPrivate(example(more), by)).toBeNull();
  });
});
