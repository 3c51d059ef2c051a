import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { adaptChat } from "./adapt-chat.ts";

describe("adaptChat", () => {
  it.each([
    [
      "a field by its own name",
      { renames: { seed: "random_seed" } },
      '{"a":1, "seed": 7}',
      '{"a":1,"random_seed": 7}',
    ],
    [
      "of both names the provider's",
      { renames: { max_completion_tokens: "max_tokens" } },
      '{"max_completion_tokens":9,"max_tokens":5}',
      '{"max_tokens":5}',
    ],
    ["without what it refuses", { omits: ["user"] }, '{"user":"x","n":1}', '{"n":1}'],
    ["as it was where nothing differs", { omits: ["user"] }, '{ "m" : "user" }', '{ "m" : "user" }'],
    [
      "with an inner field of that name as it was",
      { omits: ["user"] },
      '{"a":{"user":1}}',
      '{"a":{"user":1}}',
    ],
    [
      "with numbers that no double holds",
      { omits: ["x"] },
      '{"x":0,"seed":90071992547409931}',
      '{"seed":90071992547409931}',
    ],
    [
      "with system for developer",
      { noDeveloperRole: true },
      '{"messages":[{"role":"developer","content":"a"},{"role":"user","content":"developer"}]}',
      '{"messages":[{"role":"system","content":"a"},{"role":"user","content":"developer"}]}',
    ],
    [
      "with a message that speaks of a developer as it was",
      { noDeveloperRole: true },
      '{"messages":[ {"role":"user","content":"developer"} ], "developer" : 1}',
      '{"messages":[ {"role":"user","content":"developer"} ], "developer" : 1}',
    ],
  ])("sends %s", (_name, words, body, expected) => {
    expect(adaptChat(words, body)).toBe(expected);
  });

  it("changes nothing but the names, whatever the request", () => {
    const words = { renames: { seed: "random_seed" }, omits: ["user"] };
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.option(fc.jsonValue()), (rest, seed) => {
        const { seed: _, user: __, random_seed: ___, ...plain } = rest;
        const request = { ...plain, ...(seed === null ? {} : { seed }), user: "u" };
        const sent: unknown = JSON.parse(adaptChat(words, JSON.stringify(request, null, 1)));
        expect(sent).toEqual(
          JSON.parse(JSON.stringify({ ...plain, ...(seed === null ? {} : { random_seed: seed }) })),
        );
      }),
    );
  });
});
