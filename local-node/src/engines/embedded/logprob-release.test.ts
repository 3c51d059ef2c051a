import { describe, expect, it } from "vitest";
import { createLogprobRelease } from "./logprob-release.ts";

const entry = (token: string) => ({ token, logprob: -1, bytes: [], top_logprobs: [] });
const tokens = (entries: { token: string }[]) => entries.map(({ token }) => token);

describe("createLogprobRelease", () => {
  it("gives entries with the text that their tokens begin in", () => {
    const release = createLogprobRelease();
    release.hold(entry("Hello"), "Hello");
    expect(tokens(release.release("Hel"))).toEqual(["Hello"]);
    release.hold(entry(" world"), " world");
    expect(tokens(release.release("lo"))).toEqual([]);
    expect(tokens(release.release(" world"))).toEqual([" world"]);
  });

  it("gives the parts of a character together, when it is whole", () => {
    const release = createLogprobRelease();
    release.hold(entry("1"), "");
    release.hold(entry("2"), "");
    release.hold(entry("3"), "é");
    expect(tokens(release.release("é"))).toEqual(["1", "2", "3"]);
  });

  it("keeps what a stop text took away, and gives tokens without text at the end", () => {
    const release = createLogprobRelease();
    release.hold(entry("a"), "a");
    release.hold(entry("STOP"), "STOP");
    expect(tokens(release.release("a"))).toEqual(["a"]);
    expect(tokens(release.flush())).toEqual(["STOP"]);
    expect(release.flush()).toEqual([]);
  });
});
