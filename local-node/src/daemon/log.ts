export type Level = "info" | "warn" | "error";

/** Facts beside a message: numbers, ids, names. Never the content of a call, a token or a key. */
export type Fields = Record<string, string | number | boolean | null>;

export type Log = (level: Level, message: string, fields?: Fields) => void;

/**
 * One JSON object per line for machines; plain lines for a person at a terminal. `before` and `after` let a live
 * status line step aside.
 */
export function createLog(options: {
  write: (text: string) => void;
  human: () => boolean;
  now: () => Date;
  before?: () => void;
  after?: () => void;
}): Log {
  return (level, message, fields = {}) => {
    options.before?.();
    if (options.human()) options.write(`${level === "info" ? "" : `${level}: `}${message}\n`);
    else
      options.write(`${JSON.stringify({ time: options.now().toISOString(), level, message, ...fields })}\n`);
    options.after?.();
  };
}
