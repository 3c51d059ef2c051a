import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findPrivate } from "./find-private.ts";
import { surrogates } from "./surrogates.ts";

const SEED = "a seed that nobody knows";
const of = () => surrogates({ seed: SEED });

const CARD = "4111 1111 1111 1111";
const EMAIL = "jane.doe@gmail.com";

function conversation() {
  return of().conversation([
    { role: "system", content: `You help ${EMAIL}.` },
    { role: "user", content: [{ type: "text", text: `My card is ${CARD}, call 415-555-2671.` }] },
    {
      role: "assistant",
      content: null,
      tool_calls: [
        {
          id: "call_4155552671",
          type: "function",
          function: {
            name: "pay",
            arguments: `{ "card": 4111111111111111, "email":"${EMAIL}", "amount": 12.50, "password":"hunter" }`,
          },
        },
      ],
    },
    {
      role: "tool",
      tool_call_id: "call_4155552671",
      content: `{"ok":true,"to":"${EMAIL}","phone":"4155552671"}`,
    },
  ]);
}

describe("surrogates", () => {
  it("are the same for the same value, in prose and in arguments, however it is written", () => {
    const messages = conversation();
    const all = JSON.stringify(messages);
    const [email] = /user\.[a-z]+\d+@example\.com/.exec(all) ?? [];
    expect(all.split(email ?? "-")).toHaveLength(4);
    const [system, user, assistant, tool] = messages as unknown as [
      { content: string },
      { content: [{ text: string }] },
      { tool_calls: [{ id: string; function: { name: string; arguments: string } }] },
      { content: string; tool_call_id: string },
    ];
    expect(system.content).toBe(`You help ${email}.`);
    const [, card, phone] = /^My card is (.*), call (.*)\.$/.exec(user.content[0].text) ?? [];
    const { name, arguments: args } = assistant.tool_calls[0].function;
    expect(name).toBe("pay");
    expect(
      args.startsWith(
        `{ "card": ${card?.replaceAll(" ", "")}, "email":"${email}", "amount": 12.50, "password":"`,
      ),
    ).toBe(true);
    expect(JSON.parse(args)).not.toMatchObject({ password: "hunter" });
    expect(JSON.parse(tool.content)).toEqual({ ok: true, to: email, phone: phone?.replace(/\D/g, "") });
    for (const original of [CARD, "4111111111111111", EMAIL, "415-555-2671", "hunter"])
      expect(all).not.toContain(original);
  });

  it("leave ids, roles and names of tools as they are", () => {
    expect(conversation()).toMatchObject([
      { role: "system" },
      { role: "user", content: [{ type: "text" }] },
      { tool_calls: [{ id: "call_4155552671", type: "function" }] },
      { role: "tool", tool_call_id: "call_4155552671" },
    ]);
  });

  it.each([
    ["card", CARD],
    ["iban", "GB82 WEST 1234 5698 7654 32"],
    ["email", EMAIL],
    ["ip", "84.17.3.9"],
    ["ip", "2a00:1450:4001:81b::200e"],
    ["national_id", "529.982.247-25"],
    ["national_id", "12345678Z"],
    ["url", "https://bob:pw@shop.com/u/jane?x=1"],
    ["phone", "+44 7911 123456"],
    ["phone", "(415) 555-2671"],
    ["secret", `ghp_${"a1B2c3D4".repeat(5).slice(0, 36)}`],
    ["secret", `AKIA${"Q7WE5RTY2UIOPAS3"}`],
  ])("of a %s (%s) are of its kind, and none of its parts is left", (kind, value) => {
    const surrogate = of().text(`the ${value} there`).slice(4, -6);
    expect(surrogate).not.toBe(value);
    expect(findPrivate(surrogate)).toEqual([{ kind, start: 0, end: surrogate.length }]);
  });

  it("follow from the seed alone, and another seed gives others", () => {
    const text = `${CARD} ${EMAIL}`;
    expect(of().text(text)).toBe(of().text(text));
    expect(surrogates({ seed: "another seed, as long" }).text(text)).not.toBe(of().text(text));
    expect(() => surrogates({ seed: "short" })).toThrow(RangeError);
  });

  it("of addresses that have few ranges do not meet while one is free", () => {
    const { text } = of();
    const seen = new Set(Array.from({ length: 100 }, (_, at) => text(`84.17.3.${at}`)));
    expect(seen.size).toBe(100);
  });

  it("reach into JSON within JSON", () => {
    const inner = JSON.stringify({ note: `mail ${EMAIL}`, ssn: 219_099_999 });
    const out = of().text(JSON.stringify({ payload: inner, list: [EMAIL] }));
    const { payload, list } = JSON.parse(out) as { payload: string; list: [string] };
    const { note, ssn } = JSON.parse(payload) as { note: string; ssn: number };
    expect(note).toBe(`mail ${list[0]}`);
    expect(String(ssn)).toMatch(/^9\d{8}$/);
    expect(out).not.toContain("jane");
  });

  it("leave embedded media and text without anything private alone", () => {
    const message = {
      role: "user",
      content: [
        { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
        { type: "text", text: "Order 1234567 is late, v1.2.3.4." },
      ],
    };
    expect(of().conversation([message])).toEqual([message]);
  });

  it("keep JSON valid and its other values equal, whatever stands in it", () => {
    const value = fc.constantFrom(
      CARD,
      EMAIL,
      "plain",
      "x".repeat(300),
      '{"a":"b"}',
      'a\\b"c',
      "212-555-0187",
    );
    const json = fc.dictionary(
      fc.constantFrom("card", "phone", "password", "n", "x"),
      fc.oneof(value, fc.double(), fc.integer()),
    );
    fc.assert(
      fc.property(json, (object) => {
        const out = JSON.parse(of().text(JSON.stringify(object))) as Record<string, unknown>;
        expect(Object.keys(out)).toEqual(Object.keys(object));
        expect(JSON.stringify(out)).not.toContain("jane");
        for (const [key, each] of Object.entries(object))
          if (each === "plain" && key !== "password") expect(out[key]).toBe(each);
      }),
      { numRuns: 100 },
    );
  });
});
