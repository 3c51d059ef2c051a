import { describe, expect, it } from "vitest";
import { found } from "./testing/found.ts";
import { urlSurrogate } from "./url.ts";

describe("links", () => {
  it.each([
    ["at the end of a sentence", "See https://example.com/a/b?c=d#e.", "https://example.com/a/b?c=d#e"],
    ["in parentheses", "(http://example.com/a)", "http://example.com/a"],
    ["with parentheses of its own", "https://example.com/a_(b), and", "https://example.com/a_(b)"],
    ["in markup", "[text](https://example.com/a) more", "https://example.com/a"],
    ["in an element", '<a href="https://example.com/a">x</a>', "https://example.com/a"],
    ["without a scheme", "at www.example.com, today", "www.example.com"],
    [
      "with a password",
      "postgres://bob:s3cret@db.example.com:5432/app",
      "postgres://bob:s3cret@db.example.com:5432/app",
    ],
    ["by address", "http://10.0.0.1:8080/x", "http://10.0.0.1:8080/x"],
    ["a file", "file:///users/jane/notes.txt", "file:///users/jane/notes.txt"],
    ["before an escaped line feed", "https://example.com/a\\nnext", "https://example.com/a"],
    ["with a template", "https://example.com/{id}", "https://example.com/"],
  ])("%s", (_name, text, url) => {
    expect(found(text)).toEqual([`url ${url}`]);
  });

  it.each([
    ["a scheme alone", "https:// and http://"],
    ["www alone", "www. and www.x"],
    ["a name of a language", "c://x"],
  ])("not %s", (_name, text) => {
    expect(found(text)).toEqual([]);
  });

  it("a surrogate has the same structure, and parts of their own surrogates", () => {
    const draw = (what: string, like: string) =>
      what === "user" ? "u" : what.startsWith("host") ? "h" : like && "p";
    expect(urlSurrogate("https://bob:pw@www.shop.com:8080/u//jane/a.pdf?token=x&y#top", draw)).toBe(
      "https://user:u@h.example.com:8080/p//p/p.pdf?token=p&p#p",
    );
    expect(urlSurrogate("www.shop.com", draw)).toBe("www.h.example.com");
    expect(urlSurrogate("file:///users/jane", draw)).toBe("file:///p/p");
  });
});
