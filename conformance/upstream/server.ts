import { createServer, type Server, type Socket } from "node:net";
import { isObject, type Json } from "../said.ts";
import { reply, type Script } from "./play.ts";
import { requestsOf, type WireRequest } from "./requests.ts";

/** A request as the upstream got it. */
export interface Received {
  path: string;
  headers: Record<string, string>;
  body: Json;
  /** The body's own bytes. */
  bytes: Buffer;
  /** Milliseconds, by `performance.now()`. */
  at: number;
  /** The connection was closed by the other side before the reply was complete. */
  left: boolean;
}

export type Answer = (request: Received, turn: number) => Script;

export interface UpstreamServer {
  port: number;
  /** What one model of the upstream answers at one endpoint; it has no other endpoint. */
  on(options: { model: string; endpoint: string; answer: Answer }): void;
  /** What a model was asked at its endpoint. */
  received(model: string): readonly Received[];
  close(): Promise<void>;
}

interface Case {
  endpoint: string;
  answer: Answer;
  received: Received[];
}

/** Said as OpenAI and most compatible servers say it. */
const NO_ENDPOINT: Script = {
  status: 404,
  steps: ['{"error":{"message":"Not Found","type":"invalid_request_error","param":null,"code":null}}'],
};

/** What a provider answers at its lesser endpoints, whatever the case; null: nothing. */
function standing({ path, bytes }: Received): Script | null {
  const model = { id: "upstream-model", object: "model", created: 1, owned_by: "upstream" };
  if (path.endsWith("/v1/models")) return { steps: [JSON.stringify({ object: "list", data: [model] })] };
  if (path.endsWith("/v1/messages/count_tokens"))
    return { steps: [JSON.stringify({ input_tokens: Math.ceil(bytes.length / 4) })] };
  return null;
}

function receivedOf(request: WireRequest): Received {
  let json: unknown = null;
  try {
    json = JSON.parse(request.body.toString());
  } catch {
    json = null;
  }
  return {
    path: request.path,
    headers: request.headers,
    body: isObject(json) ? json : {},
    bytes: request.body,
    at: performance.now(),
    left: false,
  };
}

/** A gateway may send its own name for the provider along. */
const modelOf = (body: Json): string => String(body.model ?? "").replace(/^(openai|anthropic)\//, "");

/** An upstream on loopback whose replies are written byte by byte, chosen by the model that is asked for. */
export async function startUpstreamServer(port: number): Promise<UpstreamServer> {
  const cases = new Map<string, Case>();
  const sockets = new Set<Socket>();

  function scriptFor(received: Received): Script {
    const one = cases.get(modelOf(received.body));
    if (one === undefined || !received.path.split("?")[0]?.endsWith(one.endpoint))
      return standing(received) ?? NO_ENDPOINT;
    one.received.push(received);
    return one.answer(received, one.received.length - 1);
  }

  async function serve(socket: Socket): Promise<void> {
    for await (const request of requestsOf(socket)) {
      const received = receivedOf(request);
      let complete = false;
      const closed = (): void => {
        received.left = !complete;
      };
      socket.once("close", closed);
      await reply({ socket, script: scriptFor(received), request, body: received.body });
      complete = true;
      socket.off("close", closed);
    }
  }

  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined); // A gateway that leaves is what some cases wait for.
    socket.on("close", () => sockets.delete(socket));
    serve(socket).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    on: ({ model, endpoint, answer }) => void cases.set(model, { endpoint, answer, received: [] }),
    received: (model) => cases.get(model)?.received ?? [],
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
