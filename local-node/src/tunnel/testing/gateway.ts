import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";

const ENTRY = fileURLToPath(new URL("../../../../src/tunnel/testing/entry.ts", import.meta.url));

export interface TestGateway {
  url: string;
  close(): Promise<void>;
}

/** The tunnel's side of the gateway, bundled, in the real runtime, on its own socket. */
export async function startGateway(options: {
  secret: string;
  previousSecret?: string;
  /** Keeps the objects' storage over a restart. */
  stateFolder?: string;
  port?: number;
}): Promise<TestGateway> {
  const bundle = await build({
    entryPoints: [ENTRY],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
  });
  const script = bundle.outputFiles[0]?.text ?? "";
  const bindings: Record<string, string> = { ROUTELET_SECRET: options.secret };
  if (options.previousSecret !== undefined) bindings.ROUTELET_SECRET_PREVIOUS = options.previousSecret;
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers: [
        {
          name: "gateway",
          modules: true,
          script,
          compatibilityDate: "2026-11-17",
          compatibilityFlags: ["nodejs_compat"],
          bindings,
          durableObjects: {
            NODE_TUNNEL: { className: "NodeTunnel", useSQLite: true },
            FLEET: { className: "Fleet", useSQLite: true },
          },
          unsafeDirectSockets: [{ host: "127.0.0.1", port: options.port ?? 0 }],
        },
      ],
      ...(options.stateFolder === undefined ? {} : { resourcePersistencePath: options.stateFolder }),
      cf: false,
      log: new Log(LogLevel.WARN),
    }),
  );
  await miniflare.ready;
  const url = await miniflare.unsafeGetDirectURL("gateway");
  return { url: url.origin, close: () => miniflare.dispose() };
}
