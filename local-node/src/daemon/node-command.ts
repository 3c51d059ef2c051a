import { IS_CLONE } from "./installation.ts";

/** How this program is run: in a clone by npm, which installs first where that is needed; else by its own name. */
function program(env: Record<string, string | undefined>): string {
  if (IS_CLONE) return "npm run node --";
  // npx puts the program on no path. The whole name, since a bare `local-node` would be looked up at a registry.
  return env.npm_command === "exec" ? "npx @routelet/local-node" : "local-node";
}

/** The command line to show to people for `words`, for example `run`; without words the program itself. */
export function nodeCommand(words = "", env: Record<string, string | undefined> = process.env): string {
  return words === "" ? program(env) : `${program(env)} ${words}`;
}
