import { expect, it } from "vitest";
import { validateJson } from "./json-schema.ts";

it("validates where no code may be made from text", () => {
  const schema = {
    type: "object",
    properties: { day: { type: "string", format: "date" } },
    required: ["day"],
  };
  const codes = (value: unknown) =>
    validateJson(schema, value, { path: "text", role: "text" }).findings.map(({ code }) => code);
  expect(codes({ day: "2026-11-24" })).toEqual([]);
  expect(codes({ day: "24/11" })).toEqual(["schema_violation"]);
  expect(codes({})).toEqual(["missing_argument"]);
});
