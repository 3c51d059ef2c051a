import { describe, expect, it } from "vitest";
import type { InputPart, ModelRequest } from "../model-request.ts";
import { placed } from "../places.ts";
import { OTHER, OWN, testRequest } from "./fixtures/request.ts";
import { chatProblems } from "./problems.ts";

const params = (more: Partial<ModelRequest>, model?: string) =>
  chatProblems(testRequest(more), model === undefined ? undefined : { model }).map(({ param }) => param);
const said = (part: InputPart): Partial<ModelRequest> => ({ messages: [{ role: "user", content: [part] }] });

describe("chatProblems (trap 25)", () => {
  it("finds nothing in an ordinary request", () => {
    expect(params({ stop: ["a"], seed: 1, logprobs: true }, OWN)).toEqual([]);
  });

  it.each<[Partial<ModelRequest>, string]>([
    [{ topK: 5 }, "top_k"],
    [{ stop: ["a", "b", "c", "d", "e"] }, "stop"],
  ])("knows what only OpenAI's own models refuse: %j", (more, param) => {
    expect(params(more, OWN)).toEqual([param]);
    expect(params(more, OTHER)).toEqual([]);
    expect(params(more)).toEqual([]);
  });

  it.each<InputPart>([
    { type: "image", source: { kind: "file", id: "file-1" } },
    { type: "file", source: { kind: "url", url: "https://example.com/a.pdf" } },
    { type: "file", source: { kind: "base64", mediaType: "text/plain", data: "%%%" } },
  ])("names the part that no chat backend reads: %j", (part) => {
    expect(params(said(placed(part, ["messages", 4, "content", 1])))).toEqual(["messages[4].content[1]"]);
  });
});
