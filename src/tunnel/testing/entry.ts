import type { ByteReader } from "../../byte-reader.ts";
import type { Env } from "../../env.ts";
import { RouteletError } from "../../errors.ts";
import { dispatchToNode } from "../dispatch.ts";
import type { RequestHead } from "../protocol/messages.ts";
import { handleTunnelRequest } from "../routes.ts";

export { Fleet } from "../../fleet/fleet.ts";
export { NodeTunnel } from "../node-tunnel.ts";

/**
 * The smallest gateway with a tunnel, for tests of the tunnel alone: the real routes and objects, and a door to
 * `dispatchToNode` (`POST /dispatch/{nodeId}?path=`), to tokens, revocation and draining.
 */
// biome-ignore lint/style/noDefaultExport: a Worker's handlers are the default export of its entry.
export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const tunnel = await handleTunnelRequest(request, env);
    if (tunnel !== null) return tunnel;
    const url = new URL(request.url);
    const [, action, id = ""] = url.pathname.split("/");
    const fleet = env.FLEET.getByName("fleet");
    switch (action) {
      case "token":
        return Response.json(await fleet.createJoinToken({ projects: ["default"] }));
      case "revoke":
        return Response.json(await fleet.revokeNode(id));
      case "nodes":
        return Response.json(await fleet.listNodes());
      case "drain":
        await env.NODE_TUNNEL.getByName(id).drain({ reason: "test", drainMs: 5_000 });
        return new Response(null, { status: 204 });
      case "dispatch":
        return dispatch(request, env, ctx, id, url);
      default:
        return new Response(null, { status: 404 });
    }
  },
} satisfies ExportedHandler<Env>;

function streamOf(reader: ByteReader): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

async function dispatch(
  request: Request,
  env: Env,
  ctx: ExecutionContext,
  nodeId: string,
  url: URL,
): Promise<Response> {
  const head: RequestHead = {
    method: "POST",
    path: url.searchParams.get("path") ?? "/v1/chat/completions",
    headers: { "content-type": "application/json" },
    deadlineMs: Number(url.searchParams.get("deadlineMs") ?? 600_000),
  };
  try {
    const reply = await dispatchToNode({
      stub: env.NODE_TUNNEL.getByName(nodeId),
      project: url.searchParams.get("project") ?? "default",
      head,
      body: new Uint8Array(await request.arrayBuffer()),
      signal: request.signal,
    });
    ctx.waitUntil(reply.end);
    return new Response(streamOf(reply.body), { status: reply.status, headers: reply.headers });
  } catch (error) {
    if (!(error instanceof RouteletError)) throw error;
    const headers: Record<string, string> = { "x-error": error.code };
    if (error.retryAfterSeconds !== undefined) headers["retry-after"] = String(error.retryAfterSeconds);
    return new Response(null, { status: error.status, headers });
  }
}
