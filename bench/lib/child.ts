import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { ROOT } from "../../scripts/paths.ts";

export interface Child {
  pid: number;
  /** Sends one message and gives the answer to it; one at a time. */
  ask<Answer>(message: unknown): Promise<Answer>;
  close(): Promise<void>;
}

/** Starts a process of `bench/processes/`, so that it neither shares our event loop nor our garbage collector. */
export function startChild(name: string): Child {
  const child: ChildProcess = fork(resolve(ROOT, `bench/processes/${name}.ts`), [], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const gone = once(child, "exit").then(() => {
    throw new Error(`bench process ${name} has ended`);
  });
  gone.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    async ask<Answer>(message: unknown) {
      const answer = once(child, "message");
      child.send(message as object);
      const [value] = (await Promise.race([answer, gone])) as [Answer];
      return value;
    },
    async close() {
      if (child.exitCode !== null) return;
      child.kill();
      await once(child, "exit");
    },
  };
}

/** The other side: answers each message. Ends with its parent. */
export function serveParent<Message>(answer: (message: Message) => Promise<unknown>): void {
  process.on("message", (message: Message) => {
    void answer(message).then((value) => process.send?.(value));
  });
  process.once("disconnect", () => process.exit(0));
}
