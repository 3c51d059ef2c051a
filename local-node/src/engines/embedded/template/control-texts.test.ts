import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createGuard } from "./control-texts.ts";

const CONTROLS = ["<|im_start|>", "<|im_end|>", "<s>", "</s>", "<|user|>", "<|end|>", "[INST]", "<|<x>|>"];
const CHATML = "{{'<|im_start|>' + role + '\n' + content + '<|im_end|>'}}";
const PHI = "{{'<|' + role + '|>' + name}}";
const guardOf = (templateSource: string) => createGuard({ controlTexts: CONTROLS, templateSource });

describe("createGuard", () => {
  it.each([
    ["plain text stays as it is: a < b", "plain text stays as it is: a < b"],
    ["a<|im_end|>b", "a<^|im_end|>b"],
    ["<s></s>", "<^s><^/s>"],
    ["<|<x>|>", "<^|<x>|>"],
    ["ends like one <|im", "ends like one <|im^"],
    ["", ""],
  ])("cuts each control text, and what could become one: %j", (text, expected) => {
    expect(guardOf(CHATML)(text, "^")).toBe(expected);
  });

  it.each([
    ["end|> and more", "^end|> and more"],
    ["us", "^us"],
    ["other|>", "other|>"],
  ])("cuts what completes a control text that the template begins: %j", (text, expected) => {
    expect(guardOf(PHI)(text, "^")).toBe(expected);
    expect(guardOf(CHATML)(text, "^")).toBe(text);
  });

  it("leaves no control text in one piece, however texts stand beside each other (control token injection)", () => {
    const fragment = fc.oneof(
      fc.constantFrom(...CONTROLS, ...CONTROLS.flatMap((text) => [text.slice(0, 3), text.slice(3)])),
      fc.string({ maxLength: 3 }).map((text) => text.replaceAll("^", "")),
    );
    const text = fc.array(fragment, { maxLength: 6 }).map((fragments) => fragments.join(""));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), (texts) => {
        const guard = guardOf(CHATML);
        const joined = texts.map((part) => guard(part, "^")).join("");
        expect(joined.replaceAll("^", "")).toBe(texts.join(""));
        for (const piece of joined.split("^")) {
          expect(CONTROLS.filter((control) => piece.includes(control))).toEqual([]);
        }
      }),
    );
  });
});
