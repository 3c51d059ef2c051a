import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../../scripts/paths.ts";

const run = promisify(execFile);
const SHELL = process.platform === "win32";
const NAME = "@routelet/local-node";

/** Packs the daemon as it would be published; the path of the tarball. */
export async function packLocalNode(folder: string): Promise<string> {
  await run("npm", ["pack", "--workspace", "local-node", "--silent", "--pack-destination", folder], {
    cwd: ROOT,
    shell: SHELL,
  });
  const tarball = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  return join(folder, tarball);
}

/** The program in a folder that has the package installed. */
export function installedProgram(folder: string): string {
  return join(folder, "node_modules", NAME, "bin", "local-node.mjs");
}

/** Installs as npm would, but from this checkout: of its packages, only those that the tarball names can be found. */
export async function installFromCheckout(tarball: string, folder: string): Promise<string> {
  const target = join(folder, "node_modules", NAME);
  await mkdir(target, { recursive: true });
  await run("tar", ["-xzf", tarball, "-C", target, "--strip-components", "1"]);
  const { dependencies } = JSON.parse(await readFile(join(target, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(dependencies)) {
    const link = join(folder, "node_modules", name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(resolve(ROOT, "node_modules", name), link, "junction");
  }
  return installedProgram(folder);
}

/** Installs with npm, packages from wherever the user's npm has them. No package needs its install script. */
export async function installWithNpm(tarball: string, folder: string): Promise<string> {
  const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", tarball];
  await run("npm", args, { cwd: folder, shell: SHELL });
  return installedProgram(folder);
}
