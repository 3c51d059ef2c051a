import { scan } from "./find-private.ts";
import { LOOK_BACK, type Span } from "./span.ts";

/** A text that comes in pieces, and what is private in it. Positions count from the beginning of the whole text. */
export interface PrivateStream {
  /** Takes the next piece; returns the text that is decided by now, and what is private in it. */
  push(piece: string): Decided;
  /** The rest: nothing follows. */
  end(): Decided;
}

export interface Decided {
  text: string;
  /** Within `text`. */
  spans: Span[];
}

/**
 * Finds the same as `findPrivate` in the whole text, wherever it is cut. What may yet be the beginning of something is
 * held back: a word or a number mostly, at most a private key whose end is still to come (16,384 UTF-16 units).
 */
export function privateStream(): PrivateStream {
  /** What is out already stands before `out`, kept as far as it can say what follows. */
  let kept = "";
  let out = 0;
  let at = 0;
  let from = 0;
  /** Found, but what stands before them is not out yet. */
  let waiting: Span[] = [];

  function decide(piece: string, final: boolean): Decided {
    kept += piece;
    const found = scan({ text: kept, final, from }, at);
    const safe = Math.max(out, found.safe);
    const spans = [...waiting, ...found.spans];
    const ready = spans.filter(({ end }) => end <= safe);
    waiting = spans.filter(({ end }) => end > safe);
    const decided = {
      text: kept.slice(out, safe),
      spans: ready.map((span) => ({ ...span, start: span.start - out, end: span.end - out })),
    };
    const drop = Math.max(0, safe - LOOK_BACK);
    kept = kept.slice(drop);
    out = safe - drop;
    at = found.at - drop;
    from = Math.max(0, Math.max(from, found.spans.at(-1)?.end ?? 0) - drop);
    waiting = waiting.map((span) => ({ ...span, start: span.start - drop, end: span.end - drop }));
    return decided;
  }

  return { push: (piece) => decide(piece, false), end: () => decide("", true) };
}
