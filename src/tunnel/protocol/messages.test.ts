import { describe, expect, it } from "vitest";
import { CHAT_ONLY, capabilitiesSchema } from "./messages.ts";

describe("a model's capabilities", () => {
  it("are read from a daemon that is older than some of them: it has none of those", () => {
    const { embeddings: _, completions: __, suffix: ___, ...older } = CHAT_ONLY;
    expect(capabilitiesSchema.parse(older)).toEqual(CHAT_ONLY);
  });

  it("are read from a daemon that is newer: what is not known here is left out", () => {
    expect(capabilitiesSchema.parse({ ...CHAT_ONLY, telepathy: true })).toEqual(CHAT_ONLY);
  });
});
