import type { Console } from "../daemon/console.ts";
import type { NodePaths } from "../daemon/paths.ts";
import type { Screen } from "./screen.ts";

/** What every command works with; replaced in tests. */
export interface CommandContext {
  env: Record<string, string | undefined>;
  paths: NodePaths;
  /** For results: one call, one line. */
  print: (line: string) => void;
  /** For what happens meanwhile. */
  console: Console;
  /** Asks a yes-or-no question at a terminal; null where there is none to ask. */
  confirm: ((question: string) => Promise<boolean>) | null;
  /** Takes the terminal for a view that is drawn again and again; null where there is none. */
  screen: (() => Screen) | null;
}

export interface CommandOption {
  /** As commander writes it: `--token <token>`. */
  flags: string;
  description: string;
  /** May be given several times. */
  many?: boolean;
}

/** A command as data; `cli.ts` hands them to commander. */
export interface Command {
  /** `models pull` makes `pull` a subcommand of `models`. */
  name: string;
  description: string;
  /** `<required>` and `[optional]` in order. */
  arguments?: { name: string; description: string }[];
  options?: CommandOption[];
  /** @throws {NodeProblem | ModelError | EnrolError} whose message is shown as it is */
  run: (context: CommandContext, args: string[], options: Record<string, unknown>) => Promise<void>;
}
