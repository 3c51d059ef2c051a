import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { fileURLToPath } from "node:url";
import type { BodyInit, Request, Response, ResponseInit } from "miniflare";
import { makeStateFolder } from "../../local-node/src/daemon/state-folder.ts";
import type { HostMessage, HostOptions } from "./messages.ts";
import { applyMigrations } from "./migrate.ts";
import { hasProxy, sendThroughProxy } from "./outbound-proxy.ts";
import type { PrepareAnswer, PrepareRequest } from "./prepare.ts";
import { explainStartError, portInUse, StartError } from "./start-error.ts";
import { lockState } from "./state-lock.ts";

// A process of its own that holds workerd: it ends workerd when told to, and when its parent is gone.

const WORKER = "routelet";
const MINIMUM_FREE_BYTES = 64 * 1024 * 1024;

// Neither a login nor a network nor telemetry belongs into a local start.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
process.env.WRANGLER_SEND_METRICS = "false";
process.env.WRANGLER_LOG = "error";

function tell(message: HostMessage): void {
  process.send?.(message);
}

async function refuseBusyPort(host: string, port: number): Promise<void> {
  if (port === 0) return;
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "EADDRINUSE"
          ? portInUse(port)
          : new StartError(`Cannot listen there: ${error.message}`),
      ),
    );
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
}

/** The same reach as the development server's own `fetch`, without the Worker that it puts in between. */
function network(worker: Record<string, unknown>): object {
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  const trusted = extra === undefined || !existsSync(extra) ? "" : readFileSync(extra, "utf8");
  return {
    serviceBindings: {
      ...(worker.serviceBindings as object | undefined),
      NETWORK: {
        network: {
          allow: ["public", "private", "240.0.0.0/4"],
          tlsOptions: {
            trustBrowserCas: true,
            trustedCertificates: [
              ...(process.platform === "win32" ? rootCertificates : []),
              ...(trusted.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []),
            ],
          },
        },
      },
    },
  };
}

async function prepareState(stateDir: string): Promise<{ release(): void }> {
  await makeStateFolder(stateDir);
  const { bavail, bsize } = await statfs(stateDir);
  if (bavail * bsize < MINIMUM_FREE_BYTES) throw new Error("ENOSPC");
  const lock = lockState(stateDir);
  if (lock === undefined)
    throw new StartError(
      `Another gateway is running with the state in ${stateDir}. Stop it, or set ROUTELET_STATE to another folder.`,
    );
  return lock;
}

async function prepare(options: HostOptions): Promise<Exclude<PrepareAnswer, { failed: string }>> {
  const child = fork(fileURLToPath(new URL("./prepare.ts", import.meta.url)));
  const request: PrepareRequest = { config: options.config, migrations: options.migrations };
  child.send(request);
  const ended = once(child, "exit").then(() => ({ failed: "The Worker could not be prepared (see above)." }));
  const answered = once(child, "message").then(([answer]) => answer as PrepareAnswer);
  const answer = await Promise.race([answered, ended]);
  if ("failed" in answer) throw new Error(answer.failed);
  return answer;
}

async function serve(options: HostOptions): Promise<{ url: string; stop(): Promise<void> }> {
  const lock = await prepareState(options.stateDir);
  await refuseBusyPort(options.host, options.port);
  const [prepared, miniflare] = await Promise.all([prepare(options), import("miniflare")]);
  const outboundService = (request: Request): Promise<Response> =>
    sendThroughProxy(request, (body, init) => new miniflare.Response(body as BodyInit, init as ResponseInit));
  const workerd = new miniflare.Miniflare(
    miniflare.convertV4MiniflareOptions({
      workers: [
        {
          ...prepared.worker,
          name: WORKER,
          modules: [{ type: "ESModule", path: "worker.js", contents: prepared.script }],
          bindings: { ...(prepared.worker.bindings as Record<string, string>), ...options.vars },
          unsafeDirectSockets: [{ host: options.host, port: options.port }],
          ...(hasProxy(process.env) ? { outboundService } : network(prepared.worker)),
        },
      ],
      // Where `wrangler … --local --persist-to <state>` looks, so that its D1 commands work on this state.
      resourcePersistencePath: join(options.stateDir, "v3"),
      cf: false,
      log: new miniflare.Log(miniflare.LogLevel.NONE),
      handleStructuredLogs: ({ level, message }: { level: string; message: string }) =>
        tell({ kind: "log", level, message }),
    }),
  );
  try {
    await workerd.ready;
    if (prepared.migrations.length > 0)
      await applyMigrations({
        database: await workerd.getD1Database("DB"),
        migrations: prepared.migrations,
      });
    const url = await workerd.unsafeGetDirectURL(WORKER);
    return {
      url: `http://${url.host}`,
      async stop() {
        await workerd.dispose();
        lock.release();
      },
    };
  } catch (error) {
    await workerd.dispose();
    throw error;
  }
}

async function run(options: HostOptions): Promise<void> {
  try {
    const server = await serve(options);
    let stopping = false;
    const stop = (): void => {
      if (stopping) return;
      stopping = true;
      void server.stop().finally(() => process.exit(0));
    };
    process.removeListener("disconnect", abandon);
    process.once("disconnect", stop);
    process.on("message", stop);
    // Ctrl-C reaches the whole process group: the parent decides when to stop, in its order.
    for (const signal of ["SIGINT", "SIGHUP"] as const) {
      process.removeAllListeners(signal);
      process.on(signal, () => {});
    }
    process.removeAllListeners("SIGTERM");
    process.on("SIGTERM", stop);
    tell({ kind: "ready", url: server.url });
  } catch (thrown) {
    const error = explainStartError(thrown, options);
    tell(
      error instanceof StartError
        ? { kind: "failed", expected: true, message: error.message }
        : {
            kind: "failed",
            expected: false,
            message: error instanceof Error ? (error.stack ?? error.message) : String(error),
          },
    );
    // The parent ends this process once it has the message.
  }
}

// The options come as the first message: secrets do not belong on a command line that others can list.
function abandon(): void {
  process.exit(1);
}
process.once("disconnect", abandon);
process.once("message", (options: HostOptions) => void run(options));
