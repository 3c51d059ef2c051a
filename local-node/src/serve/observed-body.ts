import { cancelled } from "./node-errors.ts";

/**
 * Passes the body on and says when it ended: by itself, by failing, or because its reader stopped. No generator: one
 * that was never started would not notice that its reader stopped, and the slot would stay taken.
 */
export function observed(
  body: AsyncIterable<Uint8Array>,
  end: (error?: unknown) => void,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const inner = body[Symbol.asyncIterator]();
      return {
        async next() {
          try {
            const result = await inner.next();
            if (result.done === true) end();
            return result;
          } catch (thrown) {
            end(thrown);
            throw thrown;
          }
        },
        async return() {
          end(cancelled());
          await inner.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/** A body of one piece. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}
