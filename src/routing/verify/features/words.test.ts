import { expect, it } from "vitest";
import { wordsOf, wordsOfName } from "./words.ts";

it.each([
  ["The quick-brown fox's 3 feet", ["the", "quick", "brown", "fox", "s", "3", "feet"]],
  ["Größe Ａ１", ["größe", "a1"]],
  ["生日蛋糕", ["生", "日", "蛋", "糕"]],
  ["… !", []],
])("words of %s", (text, words) => {
  expect(wordsOf(text)).toEqual(words);
});

it.each(["getUserName", "get_user_name", "get.user-name", "Get user name"])(
  "words of the name %s",
  (name) => {
    expect(wordsOfName(name)).toEqual(["get", "user", "name"]);
  },
);
