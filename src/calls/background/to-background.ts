import { PROVIDER_KEY_HEADER } from "../../backends/caller-keys.ts";
import type { RenderContext } from "../../dialects/dialect.ts";
import { queuedResponse, responseIdOf } from "../../dialects/openai-responses/response-object.ts";
import type { Env } from "../../env.ts";
import { RouteletError } from "../../errors.ts";
import { deleteResponse } from "../../ledger/responses/kept-responses.ts";
import type { CallSession } from "../call-session.ts";
import { type PlanOptions, planCall } from "../plan-call.ts";
import { responseHeaders } from "../release.ts";
import { followBackground } from "./follow-background.ts";
import { jobHeaders, sealJob } from "./job.ts";

function refused(code: string, message: string): RouteletError {
  return new RouteletError({ kind: "invalid_request", code, message, param: "background" });
}

/**
 * Hands a call to an object that makes it to its end whether or not its client stays, and answers with the response that
 * is still to be made, or with its stream. What is wrong with the call is found before.
 *
 * @throws RouteletError `store_unavailable`, `provider_key_not_kept`, and what planning throws.
 */
export async function toBackground(options: {
  request: Request;
  env: Env;
  session: CallSession;
  context: RenderContext;
  planning: PlanOptions;
}): Promise<Response> {
  const { request, env, session, context } = options;
  const { record, caller, startedAt, keeping } = session;
  if (keeping?.keep == null)
    throw refused(
      "store_unavailable",
      "`background: true` needs a stored response, and no content of this call is kept here.",
    );
  if (request.headers.has(PROVIDER_KEY_HEADER))
    throw refused(
      "provider_key_not_kept",
      `\`background: true\` cannot be had with \`${PROVIDER_KEY_HEADER}\`: your key is kept nowhere, not even until the response is made.`,
    );
  session.plan = await planCall(options.planning);
  const id = responseIdOf(record.id);
  const queued = queuedResponse(context);
  const body = new TextDecoder().decode(session.bytes ?? new Uint8Array(0));
  const job = { callId: record.id, caller, startedAt, headers: jobHeaders(request.headers), body };
  const sealed = await sealJob({ env, id, job });
  await keeping.keep(queued);
  try {
    await env.BACKGROUND.getByName(id).submit({ kept: sealed, stream: context.call.stream });
  } catch (thrown) {
    // Nobody would ever make it.
    await deleteResponse({ env, projectId: caller.projectId, id }).catch(() => false);
    throw thrown;
  }
  const own = session.headers("pending", session.reason(null));
  const { heartbeat } = session.settings;
  const stream = context.call.stream ? await followBackground({ env, id, after: -1, heartbeat }) : null;
  session.handOver();
  if (stream === null) return Response.json(queued, { headers: responseHeaders(new Headers(), own) });
  return new Response(stream.body, { headers: responseHeaders(stream.headers, own) });
}
