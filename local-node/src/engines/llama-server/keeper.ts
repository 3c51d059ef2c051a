import { spawn } from "node:child_process";

/**
 * Stands between the daemon and a server that knows nothing of it: `keeper <binary> <argument>…` runs it, and ends it
 * when the daemon is gone, however that died. A server left over would hold the GPU's memory.
 */

export type KeeperMessage = { type: "started"; pid: number } | { type: "ended"; how: string };

const [binary = "", ...args] = process.argv.slice(2);
const server = spawn(binary, args, { stdio: ["ignore", "ignore", "inherit"] });

const tell = (message: KeeperMessage, then: () => void = () => {}): void => {
  // Without a daemon there is nobody to tell, and `disconnect` ends this process.
  if (process.send === undefined || !process.send(message, undefined, undefined, then)) then();
};
const end = (how: string): void => tell({ type: "ended", how }, () => process.exit(0));

if (server.pid !== undefined) tell({ type: "started", pid: server.pid });
server.once("error", (error) => end(error.message));
server.once("exit", (code, signal) => end(signal ?? `exit code ${code}`));
process.once("disconnect", () => {
  server.removeAllListeners("exit");
  server.once("exit", () => process.exit(0));
  if (!server.kill("SIGKILL")) process.exit(0);
});
// Ctrl-C reaches the whole process group: the daemon decides when this ends.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
