import { type RouteletError, toRouteletError } from "../errors.ts";
import { clientGone } from "./attempt-clock.ts";
import { AttemptFailed } from "./attempt-failed.ts";
import { outcomeOf } from "./attempt-log.ts";
import type { CallSession } from "./call-session.ts";
import { logInternal } from "./log-internal.ts";
import { ownHeaders, responseHeaders } from "./release.ts";

/** What a call failed with; whatever is thrown after its client has left is that. */
export function failureOf(request: Request, thrown: unknown): AttemptFailed {
  if (request.signal.aborted) return new AttemptFailed(clientGone());
  return thrown instanceof AttemptFailed ? thrown : new AttemptFailed(toRouteletError(thrown));
}

/** The answer to a call of which nothing was released; ends its record. */
export async function answerFailure(options: {
  renderError: (error: RouteletError, callId: string) => Response;
  request: Request;
  session: CallSession;
  thrown: unknown;
}): Promise<Response> {
  const { renderError, session } = options;
  const { error, refusal, headers } = failureOf(options.request, options.thrown);
  logInternal(error, session.record.id);
  session.begin();
  await session.record.durable();
  const status = refusal?.status ?? error.status;
  session.close({ outcome: outcomeOf(error), status, servedBy: null, error });
  const own = session.headers(null, session.reason(error));
  if (refusal !== null)
    return new Response(refusal.body, { status, headers: responseHeaders(refusal.headers, own) });
  const response = renderError(error, session.record.id);
  for (const [name, value] of Object.entries(ownHeaders(headers, own))) response.headers.set(name, value);
  return response;
}
