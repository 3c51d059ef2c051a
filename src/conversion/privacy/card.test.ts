import { describe, expect, it } from "vitest";
import { cardSurrogate, isCard, passesLuhn } from "./card.ts";
import { found } from "./testing/found.ts";

describe("cards", () => {
  it.each([
    ["Visa, in fours", "pay with 4111 1111 1111 1111 today", "4111 1111 1111 1111"],
    ["Maestro, with a zero first", "060452862133", "060452862133"],
    ["hyphens", "4012-8888-8888-1881.", "4012-8888-8888-1881"],
    ["together", "(5555555555554444)", "5555555555554444"],
    ["American Express, as it is written", "3782 822463 10005", "3782 822463 10005"],
    ["thirteen digits", "card 4222222222222, please", "4222222222222"],
    ["nineteen digits", "card 4131034282458809939 expires", "4131034282458809939"],
    ["the expiry behind it is not part of it", "4111 1111 1111 1111 12/27", "4111 1111 1111 1111"],
    ["after a number sign", "#4111111111111111", "4111111111111111"],
    ["after an escaped line feed", "first\\n4111 1111 1111 1111\\nlast", "4111 1111 1111 1111"],
    ["after an ideograph", "卡号4111111111111111。", "4111111111111111"],
  ])("%s", (_name, text, card) => {
    expect(found(text)).toEqual([`card ${card}`]);
  });

  it.each([
    ["a wrong check digit", "4111 1111 1111 1112"],
    ["an order number", "order 9111111111111111"],
    ["within a hash", "a4111111111111111f"],
    ["the end of a UUID", "550e8400-e29b-41d4-a716-446655440000"],
    ["a longer number", "41111111111111110000000000"],
    ["milliseconds since 1970", "1732406400000"],
    ["groups of several lengths", "411 11111 1111 1111"],
    ["mixed separators", "4111 1111-1111 1111"],
  ])("not %s", (_name, text) => {
    expect(found(text)).toEqual([]);
  });

  it.each([
    "4111111111111111",
    "4222222222222",
    "378282246310005",
    "5555555555554444",
    "180000826105910",
    "503802053770",
  ])("a surrogate of %s is a card of its length", (card) => {
    const surrogate = cardSurrogate(card, (count) => "7".repeat(count));
    expect(surrogate).toHaveLength(card.length);
    expect(isCard(card) && isCard(surrogate) && passesLuhn(surrogate)).toBe(true);
  });
});
