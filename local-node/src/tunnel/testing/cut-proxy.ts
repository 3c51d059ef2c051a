import { connect, createServer, type Socket } from "node:net";

export interface CutProxy {
  url: string;
  /** Resets every connection, as a pulled cable with a fast operating system would. */
  cut(): void;
  /** Whether new connections are turned away. */
  block(blocked: boolean): void;
  close(): Promise<void>;
}

/** A TCP proxy to `target` whose connections a test can cut. */
export async function startCutProxy(target: string): Promise<CutProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let blocked = false;
  const server = createServer((client) => {
    if (blocked) {
      client.destroy();
      return;
    }
    const upstream = connect(Number(port), hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("data", (data) => to.write(data));
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      // A reset is what this proxy is for.
      from.on("error", () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The proxy has no port.");
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    url: `http://127.0.0.1:${address.port}`,
    cut,
    block: (now) => {
      blocked = now;
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
