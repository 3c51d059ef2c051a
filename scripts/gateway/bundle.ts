import { builtinModules } from "node:module";
import { build, type Plugin } from "esbuild";

/** workerd has Node.js's modules under their `node:` names only. */
const nodeBuiltins: Plugin = {
  name: "node-builtins",
  setup(bundler) {
    const filter = new RegExp(
      `^(node:.*|${builtinModules.filter((name) => !name.startsWith("_")).join("|")})$`,
    );
    bundler.onResolve({ filter }, ({ path }) => ({
      path: path.startsWith("node:") ? path : `node:${path}`,
      external: true,
    }));
  },
};

/**
 * Bundles a Worker as wrangler would for a deployment (same conditions, same externals), but in a fifth of
 * a second instead of seconds. Throws an error whose message lists what did not resolve.
 */
export async function bundleWorker(options: {
  entry: string;
  define: Record<string, string>;
}): Promise<string> {
  const result = await build({
    entryPoints: [options.entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    mainFields: ["browser", "module", "main"],
    external: ["cloudflare:*", "workerd:*"],
    plugins: [nodeBuiltins],
    define: { "process.env.NODE_ENV": '"production"', ...options.define },
    loader: { ".sql": "text", ".txt": "text", ".html": "text" },
    sourcemap: "inline",
    sourcesContent: false,
    logLevel: "silent",
  });
  const [output] = result.outputFiles;
  if (output === undefined) throw new Error(`esbuild gave no output for ${options.entry}`);
  return output.text;
}
