import type { WireDialect } from "../dialects/call.ts";
import type { Env } from "../env.ts";
import { dispatchToNode } from "../tunnel/dispatch.ts";
import { type NodePath, PROJECT_HEADER, QUEUE_HEADERS } from "../tunnel/protocol/messages.ts";
import { type BackendReply, readToEnd } from "./reply.ts";

/** Where nodes are asked in each dialect that they have; all other calls come in chat. */
const NODE_PATH_OF: Partial<Record<WireDialect, NodePath>> = {
  "openai-completions": "/v1/completions",
  "openai-embeddings": "/v1/embeddings",
};

/** Headers of the client that mean something to a node; its credentials never reach one. */
const FOR_NODES = ["accept", "x-request-id", QUEUE_HEADERS.session, QUEUE_HEADERS.priority] as const;

export interface NodeCall {
  env: Env;
  nodeId: string;
  projectId: string;
  /** The caller's, by which the node's queue is fair. */
  keyId: string;
  /** The dialect of `body`: which of the engine's endpoints is asked. */
  dialect: WireDialect;
  body: Uint8Array<ArrayBuffer>;
  clientHeaders: Headers;
  /** `traceparent` and its companions, naming the tunnel span as the parent. */
  traceHeaders: Record<string, string>;
  /** Milliseconds left for the whole call. */
  deadlineMs: number;
  signal: AbortSignal;
}

/**
 * Sends a call through a node's tunnel.
 *
 * @throws RouteletError `node_absent`, `node_busy`, `node_lost`, `node_draining` (all retryable elsewhere).
 */
export async function callNode(call: NodeCall): Promise<BackendReply> {
  const headers: Record<string, string> = {
    "content-type": "application/json",
    [QUEUE_HEADERS.key]: call.keyId,
    // A node keeps what it computed for one project away from the others.
    [PROJECT_HEADER]: call.projectId,
    ...call.traceHeaders,
  };
  for (const name of FOR_NODES) {
    const value = call.clientHeaders.get(name);
    if (value !== null) headers[name] = value;
  }
  const reply = await dispatchToNode({
    stub: call.env.NODE_TUNNEL.getByName(call.nodeId),
    project: call.projectId,
    head: {
      method: "POST",
      path: NODE_PATH_OF[call.dialect] ?? "/v1/chat/completions",
      headers,
      deadlineMs: Math.max(1, Math.round(call.deadlineMs)),
    },
    body: call.body,
    signal: call.signal,
  });
  return {
    status: reply.status,
    headers: new Headers(reply.headers),
    reader: () => reply.body,
    whole: () => readToEnd(reply.body),
    spans: reply.end.then(({ spans }) => spans),
    confidence: reply.end.then(({ confidence }) => confidence ?? null),
  };
}
