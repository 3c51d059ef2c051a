/** Why the daemon or a command ended; each has an exit code of its own, for scripts and for `npm start`. */
export const EXIT_CODES = {
  failed: 1,
  /** No gateway was joined yet, or the join was refused. */
  not_joined: 3,
  /** No model could be had and no engine is attached: the gateway then runs cloud only. */
  no_model: 4,
  /** The gateway will not have this node: revoked, replaced by another daemon, or unknown. */
  refused: 5,
  /** Another daemon runs on this state folder. */
  already_running: 6,
} as const;

/** A failure that its message explains to a person in one line, with what to do. */
export class NodeProblem extends Error {
  readonly kind: keyof typeof EXIT_CODES;

  constructor(kind: keyof typeof EXIT_CODES, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "NodeProblem";
    this.kind = kind;
  }
}
