/** Headers of the hop from a Worker to the node's object. */
export const DISPATCH_HEADERS = {
  /** Chosen by the Worker; names the call in `NodeTunnel.cancel`. */
  callId: "x-routelet-dispatch",
  /** A node serves only the projects that it was joined to: the object checks it once more. */
  project: "x-routelet-project",
  /** On a refusal: why. */
  refusal: "x-routelet-refusal",
} as const;

/** Why the object does not take a call; nothing was sent to the node. */
export const NODE_REFUSALS = ["node_absent", "node_busy", "node_draining", "cancelled"] as const;
export type NodeRefusal = (typeof NODE_REFUSALS)[number];

export function refusal(code: NodeRefusal): Response {
  const status = code === "node_busy" ? 429 : 503;
  return new Response(null, { status, headers: { [DISPATCH_HEADERS.refusal]: code } });
}
