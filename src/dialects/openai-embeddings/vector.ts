/** How a vector is written: OpenAI's `encoding_format`. */
export const ENCODING_FORMATS = ["float", "base64"] as const;
export type EncodingFormat = (typeof ENCODING_FORMATS)[number];

const FLOAT_BYTES = 4;

/** Arguments of one `fromCharCode`; engines have a limit. */
const SLICE = 8_192;

function isFiniteNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** The numbers as base64 of 32-bit floats, least significant byte first: what OpenAI sends and its SDKs decode. */
function toBase64(numbers: readonly number[]): string {
  const bytes = new Uint8Array(numbers.length * FLOAT_BYTES);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < numbers.length; at++) view.setFloat32(at * FLOAT_BYTES, numbers[at] ?? 0, true);
  let binary = "";
  for (let from = 0; from < bytes.length; from += SLICE)
    binary += String.fromCharCode(...bytes.subarray(from, from + SLICE));
  return btoa(binary);
}

/** The numbers of such a text; null when it is none, or holds what is no number. */
function fromBase64(text: string): number[] | null {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return null;
  }
  if (binary.length === 0 || binary.length % FLOAT_BYTES !== 0) return null;
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length; at += FLOAT_BYTES) {
    const number = view.getFloat32(at, true);
    if (!Number.isFinite(number)) return null;
    numbers.push(number);
  }
  return numbers;
}

/**
 * A vector in the format that was asked for, whichever its backend has answered in; null when it is no vector. The same
 * value where nothing had to be done.
 */
export function vectorAs(format: EncodingFormat, value: unknown): number[] | string | null {
  if (typeof value === "string") {
    const numbers = fromBase64(value);
    return numbers === null || format === "float" ? numbers : value;
  }
  if (!Array.isArray(value) || value.length === 0 || !value.every(isFiniteNumber)) return null;
  return format === "float" ? value : toBase64(value);
}
