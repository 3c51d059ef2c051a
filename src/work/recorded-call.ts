import { answerOf, askedOf } from "../calls/verifiable.ts";
import type { Call } from "../dialects/call.ts";
import type { ModelRequest } from "../dialects/model-request.ts";
import { readReleased } from "../dialects/read-released.ts";
import { CLIENT_DIALECTS } from "../dialects/registry.ts";
import type { ReplyChoice } from "../dialects/reply.ts";
import type { Env } from "../env.ts";
import { readCall, type StoredCall } from "../ledger/read-call.ts";
import type { StoredBody } from "../ledger/records.ts";
import { openBody } from "../ledger/store-body.ts";
import type { Asked, SlmAnswer } from "../routing/verify/answer.ts";

/** A call as it was, with what its client was given. */
export interface RecordedCall {
  row: StoredCall["call"];
  attempts: StoredCall["attempts"];
  /** As its client sent it. */
  call: Call;
  request: ModelRequest;
  asked: Asked;
  /** The first choice of the answer; null where the client was given none that can be read. */
  choice: ReplyChoice | null;
  /** The same, as verification sees it. */
  answer: SlmAnswer | null;
}

/** Why a call cannot be looked at again. `running`: not yet. */
export type Unreadable = "running" | "unknown_call" | "no_content" | "cut" | "no_internal_form";

type Opened = { bytes: Uint8Array } | { why: Unreadable };

async function open(env: Env, stored: StoredCall, part: StoredBody["part"]): Promise<Opened> {
  const body = stored.bodies.find((each) => each.part === part);
  if (body === undefined) return { why: "no_content" };
  if (body.truncated) return { why: "cut" };
  const { id: callId, projectId } = stored.call;
  const opened = await openBody({ env, callId, projectId, stored: body });
  return opened.ok ? { bytes: opened.plaintext } : { why: "no_content" };
}

function parsed(endpoint: string, bytes: Uint8Array): { call: Call; request: ModelRequest } | null {
  const client = CLIENT_DIALECTS.find((dialect) => dialect.endpoint === endpoint);
  if (client === undefined) return null;
  try {
    const call = client.parse(bytes);
    // Its history stands with another response, and its hosted parts with a provider.
    if (call.previousResponseId || (call.itemReferences?.length ?? 0) > 0) return null;
    const request = call.request?.() ?? null;
    return request === null || request.nativeOnly.length > 0 ? null : { call, request };
  } catch {
    return null; // What was answered once by a backend of its own dialect has no form for another.
  }
}

/**
 * Reads a call again from the ledger, opened and parsed.
 * @throws RouteletError `calls_unavailable` when neither the ledger nor D1 can say.
 */
export async function recordedCall(options: {
  env: Env;
  callId: string;
  projectId: string;
}): Promise<RecordedCall | { why: Unreadable }> {
  const { env, callId, projectId } = options;
  const stored = await readCall({ env, id: callId, withBodies: true });
  if (stored === null || stored.call.projectId !== projectId) return { why: "unknown_call" };
  const { call: row } = stored;
  if (row.outcome === null) return { why: "running" };
  const asked = await open(env, stored, "request");
  if ("why" in asked) return asked;
  const sent = parsed(row.endpoint, asked.bytes);
  if (sent === null) return { why: "no_internal_form" };
  const { call, request } = sent;
  const said = await open(env, stored, "response");
  const choices =
    "why" in said
      ? null
      : readReleased({ dialect: call.dialect, streamed: call.stream, request, bytes: said.bytes });
  const choice = choices?.[0] ?? null;
  const { attempts } = stored;
  return {
    row,
    attempts,
    call,
    request,
    asked: askedOf(request),
    choice,
    answer: choice && answerOf(choice),
  };
}
