import { NodeProblem } from "../../local-node/src/daemon/node-problem.ts";

/** A start that cannot work, in one line that says what to do. Everything else that is thrown is a defect. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** Turns what the system reports into the line that helps; passes on what it does not know. */
export function explainStartError(thrown: unknown, where: { stateDir: string; port: number }): unknown {
  if (thrown instanceof NodeProblem) return new StartError(thrown.message);
  const text = thrown instanceof Error ? withCode(thrown) : "";
  if (/ENOSPC|SQLITE_FULL|disk is full/.test(text))
    return new StartError(
      `The disk with ${where.stateDir} is full. Free some space, or set ROUTELET_STATE to a folder elsewhere.`,
    );
  if (/EADDRINUSE|ERR_ADDRESS_IN_USE|Address already in use/.test(text)) return portInUse(where.port);
  if (/EACCES|EROFS|EPERM/.test(text))
    return new StartError(
      `The folder ${where.stateDir} cannot be written (${text}). Set ROUTELET_STATE to one that can.`,
    );
  return thrown;
}

/** System errors have their code in the message already; SQLite's have not. */
function withCode(error: Error & { code?: string }): string {
  const { code = "", message } = error;
  return message.includes(code) ? message : `${code} ${message}`;
}

export function portInUse(port: number): StartError {
  return new StartError(
    `Port ${port} is in use by another program. Stop it, or choose another port: PORT=${port + 1} npm start`,
  );
}
