import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Fields } from "../log.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

export interface LogLine {
  level: string;
  message: string;
  fields: Fields;
}

export interface DaemonProcess {
  child: ChildProcess;
  lines: LogLine[];
  /** Everything that it wrote on standard error. */
  stderr(): string;
  /** Resolves with the first notice to its parent of this type. */
  notice(type: string): Promise<Record<string, unknown>>;
  /** Resolves with the exit code once it has ended. */
  ended: Promise<number | null>;
}

/** The daemon as a process of its own, started as `npm start` does: with an IPC channel, logging JSON. */
export function startDaemonProcess(args: string[], env: Record<string, string | undefined>): DaemonProcess {
  const child = fork(CLI, args, { env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
  const lines: LogLine[] = [];
  const notices: Record<string, unknown>[] = [];
  let stderr = "";
  let rest = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) lines.push(parseLine(part));
  });
  child.on("message", (message) => notices.push(message as Record<string, unknown>));
  const ended = once(child, "exit").then(([code]) => code as number | null);
  return {
    child,
    lines,
    stderr: () => stderr,
    ended,
    notice: async (type) => {
      for (;;) {
        const found = notices.find((notice) => notice.type === type);
        if (found) return found;
        const over = await Promise.race([once(child, "message").then(() => false), ended.then(() => true)]);
        if (over) throw new Error(`The daemon ended before "${type}":\n${stderr}`);
      }
    },
  };
}

function parseLine(text: string): LogLine {
  try {
    const {
      level,
      message,
      time: _time,
      ...fields
    } = JSON.parse(text) as { level: string; message: string; time: string } & Fields;
    return { level, message, fields };
  } catch {
    return { level: "unparsed", message: text, fields: {} };
  }
}

/** Process ids of the children of a process, of theirs, and so on (Linux only). */
export async function descendants(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const texts = await Promise.all(
    threads.map((id) => readFile(`/proc/${pid}/task/${id}/children`, "utf8").catch(() => "")),
  );
  const children = texts.join(" ").trim().split(/\s+/).filter(Boolean).map(Number);
  return [...children, ...(await Promise.all(children.map(descendants))).flat()];
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
