/** One press of Ctrl-C reaches a process twice when its parent passes signals on as well. In ms. */
const SAME_PRESS_MS = 500;

export interface StopSignals {
  /** Resolves at the first signal, or when the parent that holds the IPC channel is gone. */
  first: Promise<"signal" | "parent">;
  dispose(): void;
}

/**
 * Listens for the ways in which a daemon is told to stop. A second signal, after a moment, calls `atOnce`.
 * SIGHUP counts too: the terminal was closed.
 */
export function listenForStop(options: { atOnce: () => void; now?: () => number }): StopSignals {
  const now = options.now ?? (() => performance.now());
  const first = Promise.withResolvers<"signal" | "parent">();
  let firstAt: number | null = null;
  const onSignal = () => {
    if (firstAt === null) {
      firstAt = now();
      first.resolve("signal");
    } else if (now() - firstAt > SAME_PRESS_MS) options.atOnce();
  };
  const onDisconnect = () => {
    firstAt ??= now();
    first.resolve("parent");
  };
  const signals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, onSignal);
  if (process.channel) {
    process.once("disconnect", onDisconnect);
    process.channel.unref();
  }
  return {
    first: first.promise,
    dispose: () => {
      for (const signal of signals) process.off(signal, onSignal);
      process.off("disconnect", onDisconnect);
    },
  };
}
