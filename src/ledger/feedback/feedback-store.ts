import { and, desc, eq, inArray } from "drizzle-orm";
import { database } from "../../db/client.ts";
import { databaseFailure } from "../../db/failure.ts";
import { type FeedbackRow, feedback } from "../../db/schema.ts";
import type { Env } from "../../env.ts";
import { RouteletError } from "../../errors.ts";
import { secretsOf } from "../../security/derive.ts";
import { type DecryptFailure, decryptBody, encryptBody } from "../../security/encryption.ts";

type StoreEnv = Pick<Env, "DB" | "ROUTELET_SECRET" | "ROUTELET_SECRET_PREVIOUS">;

/** What feedback is about: a call, or all calls that carried a session's name. */
type FeedbackTarget = { call: string } | { run: string };

/** Feedback as it is kept: one for each target and key, the newest counts. */
export interface KeptFeedback {
  target: FeedbackTarget;
  keyId: string;
  /** Milliseconds since the epoch. */
  at: number;
  /** 0 to 1; null where only a correction was given. */
  score: number | null;
  content: FeedbackContent | null;
}

/** The answer that would have been right, and a remark; or why they do not open. */
export type FeedbackContent = { corrected?: unknown; comment?: string; error?: DecryptFailure };

const ENCODER = new TextEncoder();

function targetText(target: FeedbackTarget): string {
  return "call" in target ? target.call : `run:${target.run}`;
}

function targetOf({ target }: FeedbackRow): FeedbackTarget {
  return target.startsWith("run:") ? { run: target.slice(4) } : { call: target };
}

function unavailable(error: unknown): RouteletError {
  return new RouteletError({
    kind: "unavailable",
    code: "feedback_unavailable",
    message: "The feedback was not kept: the database does not answer. Send it again in a moment.",
    retryable: true,
    retryAfterSeconds: 2,
    cause: databaseFailure(error),
  });
}

const place = (projectId: string, target: FeedbackTarget) => ({
  projectId,
  rowId: targetText(target),
  column: "feedback",
});

/**
 * Keeps feedback, in the place of what the same key said of the same target before; content is encrypted.
 * Resolves with whether it took another's place.
 * @throws RouteletError `feedback_unavailable` when D1 fails; nothing is then kept.
 */
export async function keepFeedback(options: {
  env: StoreEnv;
  projectId: string;
  keyId: string;
  target: FeedbackTarget;
  at: number;
  score: number | null;
  content: object | null;
}): Promise<{ replaced: boolean }> {
  const { env, projectId, keyId, target, at, score, content } = options;
  const sealed =
    content === null
      ? null
      : await encryptBody({
          secrets: secretsOf(env),
          place: place(projectId, target),
          plaintext: ENCODER.encode(JSON.stringify(content)),
        });
  const row = {
    projectId,
    target: targetText(target),
    keyId,
    at,
    score,
    secretId: sealed?.keyId ?? null,
    iv: sealed?.iv ?? null,
    ciphertext: sealed?.ciphertext ?? null,
    compression: sealed?.compression ?? null,
  };
  const { projectId: _project, target: _target, keyId: _key, ...changed } = row;
  const db = database(env.DB);
  try {
    const [before] = await db.batch([
      db
        .select({ at: feedback.at })
        .from(feedback)
        .where(
          and(eq(feedback.projectId, projectId), eq(feedback.target, row.target), eq(feedback.keyId, keyId)),
        ),
      db
        .insert(feedback)
        .values(row)
        .onConflictDoUpdate({
          target: [feedback.projectId, feedback.target, feedback.keyId],
          set: changed,
        }),
    ]);
    return { replaced: before.length > 0 };
  } catch (error) {
    throw unavailable(error);
  }
}

async function open(env: StoreEnv, row: FeedbackRow): Promise<FeedbackContent | null> {
  const { secretId, iv, ciphertext, compression, projectId } = row;
  if (secretId === null || iv === null || ciphertext === null || compression === null) return null;
  const opened = await decryptBody({
    secrets: secretsOf(env),
    place: place(projectId, targetOf(row)),
    body: { keyId: secretId, iv: new Uint8Array(iv), ciphertext: new Uint8Array(ciphertext), compression },
  });
  if (!opened.ok) return { error: opened.reason };
  return JSON.parse(new TextDecoder().decode(opened.plaintext)) as FeedbackContent;
}

/**
 * What was said of a call and of its run, the newest first. `content` is null where there is none or it was not asked for.
 * @throws what D1 threw.
 */
export async function readFeedback(options: {
  env: StoreEnv;
  projectId: string;
  callId: string;
  session: string | null;
  withContent: boolean;
}): Promise<KeptFeedback[]> {
  const { env, projectId, callId, session, withContent } = options;
  const targets = [callId, ...(session === null ? [] : [`run:${session}`])];
  const rows = await database(env.DB)
    .select()
    .from(feedback)
    .where(and(eq(feedback.projectId, projectId), inArray(feedback.target, targets)))
    .orderBy(desc(feedback.at));
  return Promise.all(
    rows.map(async (row) => ({
      target: targetOf(row),
      keyId: row.keyId,
      at: row.at,
      score: row.score,
      content: withContent ? await open(env, row) : null,
    })),
  );
}
