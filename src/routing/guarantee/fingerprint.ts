/** All that decides what an SLM answers. A certificate is of exactly this. */
export interface Serving {
  /** SHA-256 of the weights' file, in hex. */
  weights: string;
  adapter: string | null;
  /** SHA-256 of the chat template, in hex. */
  template: string;
  engine: { name: string; version: string };
  /** What is sent to the engine: temperature, top_p, seed, grammar or none. */
  sampling: Readonly<Record<string, number | string | boolean | null>>;
  /** SHA-256 of each example that is put before the call, in their order. */
  examples: readonly string[];
}

declare const fingerprinted: unique symbol;

/** Equal if and only if what serves is equal. */
export type Fingerprint = string & { readonly [fingerprinted]: true };

/** The form of what is hashed; a new one gives new fingerprints, which sends every task back to its shadow. */
const FORM = "sf1";

/** JSON with sorted keys (RFC 8785 in what matters here); a value that JSON would change is refused. */
function canonical(value: unknown, path: string): string {
  if (Array.isArray(value))
    return `[${value.map((item, at) => canonical(item, `${path}[${at}]`)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item, `${path}.${key}`)}`).join(",")}}`;
  }
  const text = JSON.stringify(value);
  if (text === undefined || (typeof value === "number" && !Number.isFinite(value)))
    throw new TypeError(`${path} of what serves is ${String(value)}: say null where there is none`);
  return text;
}

/**
 * The canonical hash of what serves a task: `sf1_` and SHA-256 in hex. Two nodes with one fingerprint give answers of
 * one distribution; any difference, be it the engine's patch version, is another fingerprint.
 */
export async function servingFingerprint(serving: Serving): Promise<Fingerprint> {
  const bytes = new TextEncoder().encode(canonical(serving, "serving"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${FORM}_${hex}` as Fingerprint;
}
