/** Bytes that one side writes and another reads at its own pace. */
export interface BodyQueue {
  push(chunk: Uint8Array): void;
  end(): void;
  fail(error: Error): void;
  body: AsyncIterable<Uint8Array>;
}

/**
 * A queue between an engine and a slow reader. `onPressure(true)` is called when more than `highBytes` lie unread and
 * `onPressure(false)` once fewer than half of that do; `onAbandoned` when the reader stops before the end.
 */
export function createBodyQueue(options: {
  highBytes: number;
  onPressure: (high: boolean) => void;
  onAbandoned: () => void;
}): BodyQueue {
  const chunks: Uint8Array[] = [];
  let unread = 0;
  let high = false;
  let closed: { error: Error | null } | null = null;
  let wake: (() => void) | null = null;

  const notify = (): void => {
    wake?.();
    wake = null;
  };
  const close = (error: Error | null): void => {
    closed ??= { error };
    notify();
  };
  const taken = (bytes: number): void => {
    unread -= bytes;
    if (high && unread < options.highBytes / 2) {
      high = false;
      options.onPressure(false);
    }
  };

  const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
    while (true) {
      const chunk = chunks.shift();
      if (chunk !== undefined) {
        taken(chunk.byteLength);
        return { done: false, value: chunk };
      }
      if (closed !== null) {
        if (closed.error !== null) throw closed.error;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  // No generator: one that was never started would not notice that its reader stopped.
  const abandon = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
    if (closed === null) options.onAbandoned();
    chunks.length = 0;
    close(null);
    return { done: true, value: undefined };
  };

  return {
    push(chunk) {
      if (closed !== null) return;
      chunks.push(chunk);
      unread += chunk.byteLength;
      if (!high && unread > options.highBytes) {
        high = true;
        options.onPressure(true);
      }
      notify();
    },
    end: () => close(null),
    fail: (error) => {
      // What was computed before a failure is of no use to a reader that must give the call up.
      chunks.length = 0;
      close(error);
    },
    body: { [Symbol.asyncIterator]: () => ({ next, return: abandon }) },
  };
}
