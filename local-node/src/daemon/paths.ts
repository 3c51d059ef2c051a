import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export interface NodePaths {
  /** The node's part of the state folder, mode 0700. */
  folder: string;
  config: string;
  /** The owner's pause, while there is one. */
  pause: string;
  /** Holds the node's secret key, mode 0600. */
  identity: string;
  /** States of prompts that had to make room in memory. */
  prompts: string;
  /** Where `local-node status` asks: a unix socket (mode 0600), or a named pipe on Windows. */
  socket: string;
}

/** The longest socket path that every unix takes (macOS: 104 bytes with the end mark). */
const MAX_SOCKET_PATH = 100;

/** Where the node keeps what must survive a restart: `node` in `ROUTELET_STATE` (default `.routelet`). */
export function nodePaths(
  env: Record<string, string | undefined>,
  options: { cwd?: string; platform?: NodeJS.Platform } = {},
): NodePaths {
  const folder = join(resolve(options.cwd ?? process.cwd(), env.ROUTELET_STATE || ".routelet"), "node");
  return {
    folder,
    config: join(folder, "config.toml"),
    pause: join(folder, "pause.json"),
    identity: join(folder, "identity.json"),
    prompts: join(folder, "prompts"),
    socket: socketPath(folder, options.platform ?? process.platform),
  };
}

function socketPath(folder: string, platform: NodeJS.Platform): string {
  const digest = createHash("sha256").update(folder).digest("hex").slice(0, 16);
  if (platform === "win32") return `\\\\.\\pipe\\routelet-node-${digest}`;
  const path = join(folder, "status.sock");
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH ? path : join(tmpdir(), `routelet-node-${digest}.sock`);
}
