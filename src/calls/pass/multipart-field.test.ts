import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formFields, withFormField } from "./multipart-field.ts";

const encode = (text: string) => new TextEncoder().encode(text);

async function formOf(entries: readonly [string, string | Uint8Array][]) {
  const form = new FormData();
  for (const [name, value] of entries) {
    if (typeof value === "string") form.append(name, value);
    else form.append(name, new Blob([new Uint8Array(value)]), "model.wav");
  }
  const response = new Response(form);
  const contentType = response.headers.get("content-type") ?? "";
  return { bytes: new Uint8Array(await response.arrayBuffer()), contentType };
}

const read = (bytes: Uint8Array, contentType: string) =>
  new Response(new Uint8Array(bytes), { headers: { "content-type": contentType } }).formData();

describe("formFields", () => {
  it("finds a text field wherever it stands, and changes that alone", async () => {
    const text = fc.string({ maxLength: 40 }).map((value) => value.replace(/\r\n?|\n/g, "\r\n"));
    const file = fc.uint8Array({ maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(text, text, file, file, fc.boolean(), async (model, next, before, after, first) => {
        const field: [string, string] = ["model", model];
        const others: [string, string | Uint8Array][] = [
          ["file", before],
          ["model", after],
          ["prompt", 'name="model"\r\n\r\nx'],
        ];
        const { bytes, contentType } = await formOf(first ? [field, ...others] : [...others, field]);
        const [found, ...more] = formFields({ bytes, contentType, name: "model" });
        expect(more).toEqual([]);
        expect(found?.value).toBe(model);
        if (found === undefined) return;
        const form = await read(withFormField(bytes, found, next), contentType);
        const entries = await Promise.all(
          [...form].map(async ([name, value]) => [
            name,
            typeof value === "string" ? value : new Uint8Array(await value.arrayBuffer()),
          ]),
        );
        const wanted = first ? [["model", next], ...others] : [...others, ["model", next]];
        expect(entries).toEqual(wanted);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ["a boundary in quotes", 'multipart/form-data; charset=utf-8; boundary="x y"', "x y"],
    ["a boundary without", "multipart/form-data; boundary=xy; charset=utf-8", "xy"],
  ])("reads %s", (_name, contentType, boundary) => {
    const bytes = encode(
      `--${boundary}\r\nContent-Type: text/plain\r\ncontent-disposition: form-data; name=model\r\n\r\nm\r\n--${boundary}--\r\n`,
    );
    expect(formFields({ bytes, contentType, name: "model" })).toMatchObject([{ value: "m" }]);
  });

  it("finds every field of the name, so that none is overlooked", async () => {
    const { bytes, contentType } = await formOf([
      ["model", "a"],
      ["model", "b"],
    ]);
    expect(formFields({ bytes, contentType, name: "model" }).map(({ value }) => value)).toEqual(["a", "b"]);
  });

  it("finds nothing, and does not hang, in what is no form", () => {
    const contentType = "multipart/form-data; boundary=b";
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("--b", "\r\n", "\r", "--", "b", "x", "name=model", "\r\n\r\n")),
        (parts) => {
          const bytes = encode(parts.join(""));
          for (const { start, end } of formFields({ bytes, contentType, name: "model" }))
            expect(start <= end && end <= bytes.length).toBe(true);
        },
      ),
    );
    expect(formFields({ bytes: encode("--b"), contentType: "application/json", name: "model" })).toEqual([]);
  });
});
