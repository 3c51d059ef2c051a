/**
 * A JSON Schema that cannot be honoured: one that no grammar and no validation covers, that is not a schema, that no
 * value satisfies, or whose grammar would be too large. The message says what to do about it.
 */
export class UnsupportedSchema extends Error {
  override readonly name = "UnsupportedSchema";
  /** Where in the schema: a JSON pointer (RFC 6901) as a URI fragment, `#/properties/a`. */
  readonly path: string;
  /** The keyword at that place; empty where the place itself is meant. */
  readonly keyword: string;

  constructor({ path, keyword, message }: { path: string; keyword: string; message: string }) {
    super(message);
    this.path = path;
    this.keyword = keyword;
  }
}
