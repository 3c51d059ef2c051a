/** What went wrong with fetching a model; `cache` and `fit` problems share it. */
export type ModelErrorCode =
  | "bad_reference"
  | "not_found"
  | "no_index"
  | "unreachable"
  | "forbidden"
  | "hash_mismatch"
  | "not_a_model"
  | "wrong_adapter"
  | "does_not_fit"
  | "disk_full"
  | "quota_exceeded"
  | "in_use"
  | "cache_unwritable"
  | "cancelled";

/** A model could not be had. The message is one line for a person and says what to do. */
export class ModelError extends Error {
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "ModelError";
    this.code = code;
  }
}

/** The shortest true description of a thrown thing: a system error's code, or its message's first line. */
export function reasonOf(thrown: unknown): string {
  let current: unknown = thrown;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  if (!(current instanceof Error)) return String(current);
  const code = (current as NodeJS.ErrnoException).code;
  const line = (current.message || current.name).split("\n")[0] ?? current.name;
  return typeof code === "string" && !line.includes(code) ? `${code}: ${line}` : line;
}
