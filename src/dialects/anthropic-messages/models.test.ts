import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anthropicModelPage } from "./models.ts";

const list = ["a", "b", "c", "d"].map((id) => ({ id, created: 0 }));
const page = (query: string) => {
  const { data, ...rest } = anthropicModelPage(list, new URLSearchParams(query));
  return { ids: data.map(({ id }) => id), ...rest };
};

describe("Anthropic's list of models", () => {
  it.each([
    ["", ["a", "b", "c", "d"], false],
    ["limit=2", ["a", "b"], true],
    ["limit=2&after_id=b", ["c", "d"], false],
    ["limit=2&before_id=d", ["b", "c"], true],
    ["limit=2&before_id=c", ["a", "b"], false],
  ])("has for `%s` the page that its SDKs expect", (query, ids, has_more) => {
    expect(page(query)).toEqual({ ids, has_more, first_id: ids[0], last_id: ids.at(-1) });
  });

  it("is whole when its pages are read one after the other", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), (limit) => {
        const ids: string[] = [];
        for (let query = `limit=${limit}`; ; ) {
          const { ids: some, has_more, last_id } = page(query);
          ids.push(...some);
          if (!has_more) break;
          query = `limit=${limit}&after_id=${last_id}`;
        }
        expect(ids).toEqual(["a", "b", "c", "d"]);
      }),
    );
  });

  it("is empty without an error", () => {
    expect(anthropicModelPage([], new URLSearchParams())).toEqual({
      data: [],
      has_more: false,
      first_id: null,
      last_id: null,
    });
  });

  it.each(["limit=0", "limit=1001", "limit=x", "after_id=z"])(
    "refuses %s by the parameter's name",
    (query) => {
      const param = query.split("=")[0];
      expect(() => page(query)).toThrow(expect.objectContaining({ code: "invalid_value", param }));
    },
  );
});
