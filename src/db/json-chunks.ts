/** D1 takes strings of up to 2 MB; characters, all ASCII here. */
const MAX_PARAMETER = 1_500_000;
/** What stands beside the bytes in a row. */
const ROW_REST = 1_000;

/** Whether bytes fit into a row of `jsonChunks`; larger ones go to D1 as bytes, alone. */
export function travelsInHex(bytes: Uint8Array): boolean {
  return 2 * bytes.byteLength <= MAX_PARAMETER - ROW_REST;
}

/** JSON arrays of the rows, each within the size of a parameter. */
export function* jsonChunks(rows: readonly object[]): Generator<string> {
  let chunk: string[] = [];
  let size = 0;
  for (const row of rows) {
    const json = JSON.stringify(row);
    if (chunk.length > 0 && size + json.length > MAX_PARAMETER) {
      yield `[${chunk.join(",")}]`;
      chunk = [];
      size = 0;
    }
    chunk.push(json);
    size += json.length + 1;
  }
  if (chunk.length > 0) yield `[${chunk.join(",")}]`;
}
