import { renderOpenAiError } from "../../dialects/openai-chat/error.ts";
import type { Env } from "../../env.ts";
import { RouteletError, toRouteletError } from "../../errors.ts";
import { listCalls } from "../../ledger/calls-query.ts";
import { keepFeedback } from "../../ledger/feedback/feedback-store.ts";
import { readCall } from "../../ledger/read-call.ts";
import { readBody } from "../../read-body.ts";
import { surrogatesFor } from "../../security/project-surrogates.ts";
import { logInternal } from "../log-internal.ts";
import { openVisit } from "../open-visit.ts";
import { type Feedback, MAX_CONTENT_CHARACTERS, parseFeedback } from "./parse-feedback.ts";

/** Every character of the content escaped, and the rest of the body. Bytes. */
const MAX_BODY_BYTES = 6 * MAX_CONTENT_CHARACTERS + 4_096;

function callNotFound(): RouteletError {
  return new RouteletError({
    kind: "not_found",
    code: "call_not_found",
    message:
      "This project has no call with this id. The header `x-routelet-call` of a reply carries it; where nothing is recorded, no call has feedback.",
    param: "call_id",
  });
}

function runNotFound(): RouteletError {
  return new RouteletError({
    kind: "not_found",
    code: "run_not_found",
    message:
      "No recent call of this project carried this name. Send it with each call as `x-routelet-session`.",
    param: "run_id",
  });
}

function contentIsOff(why: string): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    code: "content_off",
    message: `No content is kept ${why}, so \`corrected\` and \`comment\` cannot be. Send \`score\` or \`thumbs\` alone.`,
    param: "corrected",
  });
}

/** The feedback's calls exist and are the project's; content is kept of them. */
async function assertKnown(options: {
  env: Env;
  projectId: string;
  feedback: Feedback;
  storesContent: boolean;
}): Promise<void> {
  const { env, projectId, feedback } = options;
  const { about, content } = feedback;
  if (content !== null && !options.storesContent) throw contentIsOff("by this project's settings");
  if ("run" in about) {
    const page = await listCalls({ env, query: { projectId, session: about.run, limit: 1 } });
    if (page.rows.length > 0) return;
    if (page.complete) throw runNotFound();
    throw new RouteletError({
      kind: "unavailable",
      code: "calls_unavailable",
      message: "Whether there is such a run cannot be read right now. Try again in a moment.",
      retryable: true,
      retryAfterSeconds: 2,
    });
  }
  const stored = await readCall({ env, id: about.call, withBodies: false });
  if (stored === null || stored.call.projectId !== projectId) throw callNotFound();
  if (content !== null && stored.call.route === "local-only") throw contentIsOff("of a `local-only` call");
}

/** Where the call was drawn for its task, its label is corrected. @throws RouteletError `feedback_unavailable`. */
async function tellOfFeedback(env: Env, projectId: string, about: Feedback["about"]): Promise<void> {
  try {
    await env.WORK.getByName(projectId).feedback(about);
  } catch (cause) {
    throw new RouteletError({
      kind: "unavailable",
      code: "feedback_unavailable",
      message: "The feedback does not count for its task yet. Send it again in a moment.",
      retryable: true,
      retryAfterSeconds: 2,
      cause,
    });
  }
}

/** What was said of a call, with surrogates as its content has them. */
async function redacted(env: Env, projectId: string, { content }: Feedback): Promise<object | null> {
  if (content === null) return null;
  const by = await surrogatesFor(env, projectId);
  return JSON.parse(by.text(JSON.stringify(content))) as object;
}

async function answer(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const visit = await openVisit({ request, env, ctx });
  const { projectId, keyId } = visit.caller;
  const settings = await visit.settings();
  const feedback = parseFeedback(await readBody(request, MAX_BODY_BYTES));
  await assertKnown({ env, projectId, feedback, storesContent: settings.content.store === "encrypted" });
  const { about: target, score } = feedback;
  const content = settings.content.redact ? await redacted(env, projectId, feedback) : feedback.content;
  const { replaced } = await keepFeedback({ env, projectId, keyId, target, at: Date.now(), score, content });
  if (settings.conversion.collect === "on") await tellOfFeedback(env, projectId, target);
  return Response.json({
    object: "feedback",
    ...("call" in target ? { call_id: target.call } : { run_id: target.run }),
    score,
    replaced,
  });
}

/**
 * `POST /v1/feedback`: what the agent, or its user, says of an answer. The newest of a key counts; sending it again
 * changes nothing.
 */
export async function handleFeedback(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  try {
    return await answer(request, env, ctx);
  } catch (thrown) {
    const error = toRouteletError(thrown);
    logInternal(error, null);
    return renderOpenAiError(error);
  }
}
