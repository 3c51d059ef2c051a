import type { ByteReader } from "../byte-reader.ts";
import { byteSearch } from "../byte-search.ts";
import { joinBytes } from "../bytes.ts";
import { withoutHeadersOf } from "./known-keys.ts";
import type { BackendReply } from "./reply.ts";

const MARK = new TextEncoder().encode("[redacted]");

interface Search {
  key: Uint8Array;
  indexIn: (bytes: Uint8Array, from?: number) => number;
}

const searchFor = (text: string): Search => {
  const key = new TextEncoder().encode(text);
  return { key, indexIn: byteSearch(key) };
};

function withoutKey(bytes: Uint8Array, { key, indexIn }: Search): Uint8Array {
  let at = indexIn(bytes);
  if (at < 0) return bytes;
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (; at >= 0; at = indexIn(bytes, from)) {
    pieces.push(bytes.subarray(from, at), MARK);
    from = at + key.length;
  }
  return joinBytes([...pieces, bytes.subarray(from)]);
}

const redact = (bytes: Uint8Array, searches: readonly Search[]): Uint8Array =>
  searches.reduce(withoutKey, bytes);

/** How many bytes at the end may be the beginning of a key whose rest is still to come. */
function begun(bytes: Uint8Array, { key }: Search): number {
  for (let size = Math.min(key.length - 1, bytes.length); size > 0; size--) {
    let same = 0;
    while (same < size && bytes[bytes.length - size + same] === key[same]) same++;
    if (same === size) return size;
  }
  return 0;
}

function redactingReader(source: ByteReader, searches: readonly Search[]): ByteReader {
  let kept: Uint8Array = new Uint8Array(0);
  return {
    async read() {
      for (;;) {
        const { done, value } = await source.read();
        if (done && kept.length === 0) return { done, value };
        const all = redact(
          kept.length === 0 && !done ? value : joinBytes([kept, value ?? new Uint8Array(0)]),
          searches,
        );
        const keep = done ? 0 : Math.max(...searches.map((search) => begun(all, search)));
        kept = all.subarray(all.length - keep);
        if (keep < all.length) return { done: false, value: all.subarray(0, all.length - keep) };
      }
    },
    cancel: (reason) => source.cancel(reason),
  };
}

/** In what a model says a key is taken for one only where no word of a language is like it: `lm-studio` is no secret. */
const isUnlikelyText = (key: string): boolean => key.length >= 12 && /\d/.test(key) && /[a-z]/i.test(key);

/**
 * A reply without the providers' keys, which some backends repeat in what they say: in errors, in echoes of the request,
 * in headers. Each is found as it was sent, also where the network cut it in two; not in another encoding, nor spread
 * over several events of a stream. In a refusal any key is, in a reply those that no reply says by chance.
 */
export function withoutKeys(reply: BackendReply, keys: readonly string[]): BackendReply {
  if (keys.length === 0) return reply;
  const searches = (reply.status < 400 ? keys.filter(isUnlikelyText) : keys).map(searchFor);
  return {
    ...reply,
    headers: withoutHeadersOf(reply.headers, keys),
    reader: () => redactingReader(reply.reader(), searches),
    whole: async () => redact(await reply.whole(), searches),
  };
}
