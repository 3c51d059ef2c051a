import { z } from "zod";
import { invalidField, readJsonObject, readWith } from "../../dialects/read-json.ts";

/** The largest `corrected` together with `comment`, in characters of JSON. */
export const MAX_CONTENT_CHARACTERS = 256 * 1024;

/** What somebody who saw an answer says of it. */
export interface Feedback {
  /** One call, or all calls of a run: those that carried its name as `x-routelet-session`. */
  about: { call: string } | { run: string };
  /** 0 (of no use) to 1 (right); thumbs are its ends. Null where only a correction was sent. */
  score: number | null;
  /** The answer that would have been right, in the form of the endpoint's reply or as text; with the caller's remark. */
  content: { corrected?: unknown; comment?: string } | null;
}

const feedbackSchema = z.strictObject({
  call_id: z.string().min(1).max(64).optional(),
  run_id: z.string().min(1).max(256).optional(),
  thumbs: z.enum(["up", "down"]).optional(),
  score: z.number().min(0).max(1).optional(),
  corrected: z.union([z.string().min(1), z.looseObject({}), z.array(z.unknown())]).optional(),
  comment: z.string().min(1).max(4_096).optional(),
});

/** The body of `POST /v1/feedback`, for its description. */
export const feedbackBody = feedbackSchema;

/**
 * Reads the body of `POST /v1/feedback`.
 *
 * @throws RouteletError 400 that names the field: `invalid_json`, `invalid_type`.
 */
export function parseFeedback(body: Uint8Array): Feedback {
  const { json } = readJsonObject(body, "`call_id` or `run_id`, and `thumbs`, `score` or `corrected`");
  const { call_id, run_id, thumbs, score, corrected, comment } = readWith(feedbackSchema, json);
  if ((call_id === undefined) === (run_id === undefined))
    throw invalidField(["call_id"], "or `run_id` must be there, and not both");
  if (thumbs !== undefined && score !== undefined)
    throw invalidField(["score"], "and `thumbs` say the same: send one of them");
  if (thumbs === undefined && score === undefined && corrected === undefined)
    throw invalidField(["score"], "is missing: send `score`, `thumbs` or `corrected`");
  if (corrected !== undefined && run_id !== undefined)
    throw invalidField(["corrected"], "is of one answer: send it with `call_id`");
  const content =
    corrected === undefined && comment === undefined
      ? null
      : { ...(corrected === undefined ? {} : { corrected }), ...(comment === undefined ? {} : { comment }) };
  if (content !== null && JSON.stringify(content).length > MAX_CONTENT_CHARACTERS)
    throw invalidField(["corrected"], `is longer than ${MAX_CONTENT_CHARACTERS} characters`);
  return {
    about: call_id === undefined ? { run: run_id ?? "" } : { call: call_id },
    score: thumbs === undefined ? (score ?? null) : Number(thumbs === "up"),
    content,
  };
}
