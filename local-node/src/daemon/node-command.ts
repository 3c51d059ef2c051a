/** How a clone runs the local node: installs first where that is needed, and asks no registry for a program's name. */
const IN_A_CLONE = "npm run node --";

/** The command line to show to people for `words`, for example `run`; without words the program itself. */
export function nodeCommand(words = ""): string {
  return words === "" ? IN_A_CLONE : `${IN_A_CLONE} ${words}`;
}
