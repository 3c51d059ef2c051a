import { fileURLToPath } from "node:url";

/**
 * The path of a script that runs as a process of its own and lies beside the file that names it: TypeScript in a
 * clone, JavaScript in the published package.
 *
 * @param name without its ending, for example `./child`
 * @param importer the naming file's `import.meta.url`
 */
export function scriptBeside(name: string, importer: string): string {
  const ending = importer.endsWith(".ts") ? ".ts" : ".js";
  return fileURLToPath(new URL(`${name}${ending}`, importer));
}
