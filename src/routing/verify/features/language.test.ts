import { expect, it } from "vitest";
import { languageMismatch } from "./language.ts";

const EN = "What is the weather in Lisbon going to be like for the next three days, and is it fine?";
const DE = "Das Wetter in Lissabon ist in den nächsten drei Tagen schön, mit ein wenig Wind von der See.";
const ZH = "里斯本未来三天天气晴朗，最高气温二十五度，适合外出旅行和散步。";
const RU = "В ближайшие три дня в Лиссабоне будет солнечно, ветер слабый.";

it.each([
  ["the same", EN, "The weather is fine in all of the three days, with a light wind and no rain.", 0],
  ["German for English", EN, DE, 1],
  ["Chinese for English", EN, ZH, 1],
  ["Russian for English", EN, RU, 1],
  ["Chinese for Chinese", ZH, ZH, 0],
  ["too short to tell", EN, "Yes.", null],
  ["code for a question", EN, "const x = compute(y, z); return x;", 0],
])("%s", (_name, request, text, mismatch) => {
  expect(languageMismatch(request, text)).toBe(mismatch);
});

it("a half translated answer is half a mismatch", () => {
  const half = languageMismatch(ZH, "里斯本未来三天天气晴朗最高气温二十五度 The weather is fine");
  expect(half).toBeGreaterThan(0.2);
  expect(half).toBeLessThan(0.8);
});
