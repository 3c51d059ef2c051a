const INSERTS = [
  '"',
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "\\",
  "\n",
  "\r",
  "\n\n",
  "data: ",
  "event: x\n",
  "null",
  "-1",
  "1e999",
  "\\u0000",
  "\\ud800",
  "\u2028",
  "💥",
  "[DONE]",
  '"choices":[{}]',
  '"delta":null',
  '"index":9999999999',
];

const pick = <T>(list: readonly T[], random: () => number): T =>
  list[Math.floor(random() * list.length)] as T;

/** One text changed in one to three places: cut, doubled, swapped, or with something in it that does not belong there. */
export function mutate(text: string, random: () => number): string {
  let out = text;
  const times = 1 + Math.floor(random() * 3);
  for (let time = 0; time < times; time++) {
    const at = Math.floor(random() * (out.length + 1));
    const length = Math.floor(random() * 24);
    switch (Math.floor(random() * 6)) {
      case 0:
        out = out.slice(0, at) + out.slice(at + length);
        break;
      case 1:
        out = out.slice(0, at) + pick(INSERTS, random) + out.slice(at);
        break;
      case 2:
        out = out.slice(0, at + length) + out.slice(at);
        break;
      case 3:
        out = out.slice(0, at);
        break;
      case 4:
        out = out.slice(0, at) + pick(INSERTS, random) + out.slice(at + length);
        break;
      default: {
        const other = Math.floor(random() * out.length);
        out = out.slice(0, at) + out.slice(other, other + length) + out.slice(at);
      }
    }
  }
  return out;
}

/** Cuts bytes into pieces of drawn sizes, through characters and lines alike. */
export function drawnPieces(bytes: Uint8Array, random: () => number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(random() * 200);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
