import { Command as Program } from "commander";
import { nodeCommand } from "../daemon/node-command.ts";
import { EXIT_CODES, NodeProblem } from "../daemon/node-problem.ts";
import { VERSION } from "../daemon/version.ts";
import { ModelError } from "../models/model-error.ts";
import { NodeError } from "../serve/contract.ts";
import { InsecureGatewayError } from "../tunnel/gateway-url.ts";
import type { Command, CommandContext } from "./command.ts";

/** Builds the command line from the commands' data. */
export function createProgram(commands: readonly Command[], context: CommandContext): Program {
  const program = new Program(nodeCommand())
    .description("Turns this machine into a backend of a Routelet gateway.")
    .version(VERSION)
    .helpCommand(false)
    .showHelpAfterError("Run with --help for the commands and their options.");
  for (const command of commands) {
    const words = command.name.split(" ");
    const name = words.pop() ?? command.name;
    const target = words.reduce(group, program).command(name).description(command.description);
    for (const argument of command.arguments ?? []) target.argument(argument.name, argument.description);
    for (const option of command.options ?? []) {
      if (option.many) {
        target.option(option.flags, option.description, (value: string, all: string[] | undefined) => [
          ...(all ?? []),
          value,
        ]);
      } else target.option(option.flags, option.description);
    }
    target.action(async (...received: unknown[]) => {
      // Commander passes the arguments, then the options, then itself.
      const args = received.slice(0, -2).filter((value) => typeof value === "string");
      await command.run(context, args, target.opts());
    });
  }
  return program;
}

function group(parent: Program, name: string): Program {
  const existing = parent.commands.find((command) => command.name() === name);
  return existing ?? parent.command(name).description(`Commands about ${name}.`).helpCommand(false);
}

/** What is shown of a failure, in one line, and the exit code. Unknown failures show their message, never a stack. */
export function explainFailure(error: unknown): { message: string; exitCode: number } {
  if (error instanceof NodeProblem) return { message: error.message, exitCode: EXIT_CODES[error.kind] };
  if (error instanceof ModelError || error instanceof NodeError || error instanceof InsecureGatewayError) {
    return { message: error.message, exitCode: EXIT_CODES.failed };
  }
  const message = error instanceof Error ? (error.message.split("\n")[0] ?? error.name) : String(error);
  return { message, exitCode: EXIT_CODES.failed };
}
