import fc from "fast-check";
import { expect, it } from "vitest";
import { sideOf, splitKey } from "../../routing/guarantee/split.ts";
import { isOfKind } from "./kind-side.ts";

const call = fc.record({
  session: fc.option(fc.string({ maxLength: 40 })),
  firstMessage: fc.string({ maxLength: 200 }),
});

it("nothing of the evaluation split ever stands in a training set: a call is of one kind, whatever it is asked for", () => {
  fc.assert(
    fc.property(call, (asked) => {
      const side = sideOf(splitKey(asked));
      expect(isOfKind(side, "training")).toBe(!isOfKind(side, "evaluation"));
      expect(isOfKind(side, "training")).toBe(side === "train");
    }),
  );
});

it("a conversation is of one kind, however it goes on", () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 40 }),
      fc.array(fc.string(), { minLength: 2 }),
      (session, turns) => {
        const kinds = turns.map((firstMessage) =>
          isOfKind(sideOf(splitKey({ session, firstMessage })), "training"),
        );
        expect(new Set(kinds).size).toBe(1);
      },
    ),
  );
});
