import { expect, it } from "vitest";
import type { Env } from "../env.ts";
import { FRAME, FrameDecoder } from "../tunnel/protocol/frames.ts";
import { decodeJsonPayload } from "../tunnel/protocol/json-payload.ts";
import { requestHeadSchema } from "../tunnel/protocol/messages.ts";
import { callNode } from "./call-node.ts";

/** What the node would read in the head of a call with these headers of the client's. */
async function headFor(clientHeaders: Record<string, string>): Promise<Record<string, string>> {
  let sent = new Uint8Array();
  const stub = {
    name: "node_1",
    cancel: async () => null,
    fetch: async (_url: string, init: RequestInit) => {
      sent = new Uint8Array(await new Response(init.body).arrayBuffer());
      return new Response(null, { status: 503, headers: { "x-routelet-refusal": "node_absent" } });
    },
  };
  const env = { NODE_TUNNEL: { getByName: () => stub } } as unknown as Env;
  const call = callNode({
    env,
    nodeId: "node_1",
    projectId: "default",
    keyId: "key_1",
    dialect: "openai-chat",
    body: new TextEncoder().encode("{}") as Uint8Array<ArrayBuffer>,
    clientHeaders: new Headers(clientHeaders),
    traceHeaders: { traceparent: "00-1" },
    deadlineMs: 1_000,
    signal: new AbortController().signal,
  });
  await expect(call).rejects.toMatchObject({ code: "node_absent" });
  const [head] = new FrameDecoder().push(sent);
  expect(head?.type).toBe(FRAME.requestHead);
  return decodeJsonPayload(requestHeadSchema, head?.payload ?? new Uint8Array()).headers;
}

it("tells a node's queue whose call it is, and lets the client say that nobody waits", async () => {
  expect(
    await headFor({ "x-routelet-session": "run 1", "x-routelet-priority": "job", accept: "*/*" }),
  ).toEqual({
    "content-type": "application/json",
    accept: "*/*",
    traceparent: "00-1",
    "x-routelet-key": "key_1",
    "x-routelet-project": "default",
    "x-routelet-session": "run 1",
    "x-routelet-priority": "job",
  });
});

it("threat: credentials, and a key of the client's own choosing, do not reach a node", async () => {
  const headers = await headFor({
    authorization: "Bearer s",
    "x-api-key": "s",
    "x-routelet-key": "another's",
    "x-routelet-project": "another's",
  });
  expect(headers).toEqual({
    "content-type": "application/json",
    traceparent: "00-1",
    "x-routelet-key": "key_1",
    "x-routelet-project": "default",
  });
});
