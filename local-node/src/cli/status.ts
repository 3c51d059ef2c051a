import { askStatus } from "../daemon/control.ts";
import { nodeCommand } from "../daemon/node-command.ts";
import { NodeProblem } from "../daemon/node-problem.ts";
import type { DaemonStatus } from "../daemon/status.ts";
import type { Command, CommandContext } from "./command.ts";
import type { Screen } from "./screen.ts";
import { statusLines } from "./status-view.ts";

const REFRESH_MS = 1_000;

export const status: Command = {
  name: "status",
  description: "Show what the running daemon does: at a terminal again and again, until q.",
  options: [
    { flags: "--once", description: "show it once, at a terminal too" },
    { flags: "--json", description: "as JSON, once" },
  ],
  run: async (context, _args, options) => {
    const current = await requireStatus(context);
    if (options.json) return context.print(JSON.stringify(current));
    if (options.once || context.screen === null) {
      for (const line of statusLines(current, Date.now())) context.print(line);
      return;
    }
    await watch(context, context.screen());
  },
};

/** @throws {NodeProblem} `failed` when none runs */
async function requireStatus(context: CommandContext): Promise<DaemonStatus> {
  const current = await askStatus(context.paths.socket);
  if (current !== null) return current;
  throw new NodeProblem(
    "failed",
    `No daemon runs with the state in ${context.paths.folder}. Start one with: ${nodeCommand("run")}`,
  );
}

async function watch(context: CommandContext, screen: Screen): Promise<void> {
  let watching = true;
  const left = screen.left.then(() => {
    watching = false;
  });
  try {
    while (watching) {
      screen.draw([...statusLines(await requireStatus(context), Date.now()), "", "q ends this view"]);
      let timer: NodeJS.Timeout | undefined;
      const pause = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, REFRESH_MS);
      });
      await Promise.race([left, pause]);
      clearTimeout(timer);
    }
  } finally {
    screen.close();
  }
}
