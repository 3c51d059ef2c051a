import { type IncomingMessage, request } from "node:http";

export interface LeavingClient {
  /** Rejects once the client has left. */
  response: Promise<IncomingMessage>;
  /** Resets the connection: the only way in which workerd notices a client that leaves while nothing is written. */
  leave(): void;
}

/** A client whose connection a test can reset, before or after the head. */
export function leavingClient(url: string, body: string): LeavingClient {
  const sent = request(url, { method: "POST", agent: false });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    sent.on("response", (incoming) => {
      incoming.on("error", reject);
      resolve(incoming);
    });
    sent.on("error", reject);
  });
  response.catch(() => undefined);
  sent.end(body);
  return {
    response,
    leave: () => {
      sent.socket?.resetAndDestroy();
    },
  };
}
