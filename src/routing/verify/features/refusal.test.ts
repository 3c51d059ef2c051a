import { expect, it } from "vitest";
import { soundsLikeRefusal } from "./refusal.ts";

it.each([
  ["I'm sorry, but I can’t help with that.", true],
  ["I am unable to open web pages.", true],
  ["As an AI language model, I have no opinion.", true],
  ["Leider kann ich das nicht tun. Es tut mir leid.", true],
  ["Je ne peux pas répondre.", true],
  ["Lo siento, no puedo.", true],
  ["抱歉，我无法回答这个问题。", true],
  ["申し訳ありませんが、できません。", true],
  ["The weather is fine.", false],
  ["You can't miss it: it is the white house.", false],
  [`${"The answer is long. ".repeat(20)} I cannot say more.`, false],
])("%s: %s", (text, refusal) => {
  expect(soundsLikeRefusal(text)).toBe(refusal);
});
