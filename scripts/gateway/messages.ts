/** The first message that a gateway host gets; every later message means "stop". */
export interface HostOptions {
  stateDir: string;
  host: string;
  /** 0 takes any free port. */
  port: number;
  /** Bindings of plain text: variables and secrets. */
  vars: Record<string, string>;
  /** The wrangler configuration that describes the Worker. */
  config: string;
  /** The folder of D1 migrations for binding `DB`; without it none are applied. */
  migrations?: string;
}

/** What a gateway host reports. */
export type HostMessage =
  | { kind: "ready"; url: string }
  /** `expected`: one line for the user; otherwise a defect, with its stack. */
  | { kind: "failed"; expected: boolean; message: string }
  /** A line that the Worker or workerd wrote. */
  | { kind: "log"; level: string; message: string };
