import { describe, expect, it } from "vitest";
import { found } from "./testing/found.ts";

describe("addresses of mail", () => {
  it.each([
    ["at the end of a sentence", "Write to jane.doe+x@mail.example.co.uk.", "jane.doe+x@mail.example.co.uk"],
    ["in brackets", "Jane <jane@example.com>", "jane@example.com"],
    ["after mailto", "mailto:jane@example.com?subject=x", "jane@example.com"],
    ["after an equals sign", "to=jane@example.com&x", "jane@example.com"],
    ["with digits alone", "4155550123@sms.example.com", "4155550123@sms.example.com"],
    ["letters with marks", "josé@exämple.de", "josé@exämple.de"],
    ["beside ideographs", "联系jane@example.com谢谢", "jane@example.com"],
    ["after an escaped line feed", "first\\njane@example.com\\tlast", "jane@example.com"],
    ["in a template", "{jane@example.com}", "jane@example.com"],
  ])("%s", (_name, text, email) => {
    expect(found(text)).toEqual([`email ${email}`]);
  });

  it.each([
    ["a file", "icon@2x.png"],
    ["a package", "left-pad@1.3.0"],
    ["a scope", "@scope/name"],
    ["a host without a domain", "root@localhost"],
    ["two points", "a..b@example.com"],
    ["a longer local part than there is", `${"a".repeat(65)}@example.com`],
    ["a handle", "ask @jane_doe about it"],
  ])("not %s", (_name, text) => {
    expect(found(text)).toEqual([]);
  });
});
