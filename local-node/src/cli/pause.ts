import { askDaemon, type ControlRequest } from "../daemon/control.ts";
import { NodeProblem } from "../daemon/node-problem.ts";
import { describePause, parseLength } from "../daemon/pause.ts";
import type { Command, CommandContext } from "./command.ts";

export const pause: Command = {
  name: "pause",
  description: "Give this machine back to its owner: models leave its memory, and calls go elsewhere.",
  options: [
    { flags: "--for <length>", description: "for so long, for example 45m or 2h; default until resume" },
    { flags: "--json", description: "print the daemon's status as JSON" },
  ],
  run: async (context, _args, options) => {
    const forMs = typeof options.for === "string" ? parseLength(options.for) : null;
    if (options.for !== undefined && forMs === null) {
      throw new NodeProblem("failed", `--for ${options.for} is no length of time. Write 45m, 2h or 1h30m.`);
    }
    await tell(context, { command: "pause", forMs }, options.json === true);
  },
};

export const resume: Command = {
  name: "resume",
  description: "End a pause, also one of quiet hours or of another program on the GPU.",
  options: [{ flags: "--json", description: "print the daemon's status as JSON" }],
  run: (context, _args, options) => tell(context, { command: "resume" }, options.json === true),
};

async function tell(context: CommandContext, request: ControlRequest, json: boolean): Promise<void> {
  const status = await askDaemon(context.paths.socket, request);
  if (status === null) {
    throw new NodeProblem("failed", `No daemon runs with the state in ${context.paths.folder}.`);
  }
  if (json) return context.print(JSON.stringify(status));
  context.print(status.paused === null ? "The node serves." : `The node is ${describePause(status.paused)}.`);
}
