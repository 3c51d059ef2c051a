/**
 * Who reads bytes as they come: a `ReadableStream`'s own reader is one, and what makes bytes in JavaScript can be one
 * without a stream in between, which costs a queue and several promises for each chunk. One read at a time.
 */
export interface ByteReader {
  /** Nothing is fetched before it is asked for; after the end, or a cancel, it says the end again. */
  read(): Promise<ReadableStreamReadResult<Uint8Array>>;
  /** No more is wanted. A read under way resolves with the end. */
  cancel(reason?: unknown): Promise<void>;
}

/** Reads nothing. */
export const EMPTY_READER: ByteReader = {
  read: () => Promise.resolve({ done: true, value: undefined }),
  cancel: () => Promise.resolve(),
};
