import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A client that sends exactly the bytes it is told to, and leaves when told to. */
export interface RawClient {
  write(bytes: string | Uint8Array): void;
  /** Everything received so far. */
  readonly received: Buffer;
  /** Resolves once the received text contains `text`; rejects when the server closes before. */
  until(text: string): Promise<Buffer>;
  /** Resolves with everything received when the server has closed. */
  ended: Promise<Buffer>;
  /** Leaves at once, as a killed process would (a reset, not a goodbye). */
  abort(): void;
}

export async function connectRaw(url: string): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, "connect");
  let received: Buffer = Buffer.alloc(0);
  const checks = new Set<() => void>();
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    for (const check of checks) check();
  });
  // A reset is one of the ends that tests provoke; `close` follows it.
  socket.on("error", () => {});
  const ended = once(socket, "close").then(() => received);
  return {
    write: (bytes) => void socket.write(bytes),
    get received() {
      return received;
    },
    until(text) {
      return new Promise((resolve, reject) => {
        const check = (): void => {
          if (!received.includes(text)) return;
          checks.delete(check);
          resolve(received);
        };
        checks.add(check);
        void ended.then(() =>
          reject(new Error(`closed before ${JSON.stringify(text)}; got ${received.toString()}`)),
        );
        check();
      });
    },
    ended,
    abort: () => void socket.resetAndDestroy(),
  };
}

/** The bytes of a `POST` with a JSON body, for `RawClient.write`. */
export function postBytes(options: {
  url: string;
  path: string;
  headers?: Record<string, string>;
  body: string;
}): Buffer {
  const lines = [
    `POST ${options.path} HTTP/1.1`,
    `host: ${new URL(options.url).host}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(options.body)}`,
    ...Object.entries(options.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${options.body}`);
}
