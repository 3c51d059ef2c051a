import { DurableObject } from "cloudflare:workers";
import { isObject, type Json, parseObject } from "../../dialects/json.ts";
import { openAiResponses } from "../../dialects/openai-responses/client.ts";
import { isUnfinished } from "../../dialects/openai-responses/response-object.ts";
import type { Env } from "../../env.ts";
import { type Kept, KeptLog } from "../../ledger/kept-log.ts";
import { type ResponseContent, readResponse, updateResponse } from "../../ledger/responses/kept-responses.ts";
import { handleCall } from "../handle-call.ts";
import { createEventLog, type EventLog } from "./event-log.ts";
import { openJob } from "./job.ts";

/** What the object knows of its one job without opening it. */
interface Job {
  /** The response's. */
  id: string;
  projectId: string;
  stream: boolean;
  /** How often it was begun. */
  runs: number;
}

/** How a response ended that was not completed. */
interface Failure {
  code: string;
  message: string;
}

/**
 * An alarm may run for 15 minutes (Cloudflare's limit); what a call has not come to by then is its failure. Milliseconds
 * from when it was asked for.
 */
const MOST_MS = 14 * 60_000;

/** A run that was cut off, by a deploy or a crash, is followed by another, once. */
const MAX_RUNS = 2;

const JOB = "job";

const INTERRUPTED: Failure = {
  code: "server_error",
  message: "The gateway was interrupted while it made this response. Send the request again.",
};

/**
 * Makes one response without its client: an object of its own for each, named by the response's id. Its job is durable before
 * the client is told of it, and runs in the object's alarm. It keeps nothing once the response is made.
 */
export class BackgroundCall extends DurableObject<Env> {
  #told: EventLog | null = null;
  #running: { controller: AbortController; ended: Promise<void> } | null = null;

  /** Takes the job; durable when it resolves. It begins at once. */
  async submit({ kept, stream }: { kept: Kept; stream: boolean }): Promise<void> {
    this.#jobs().keep(kept);
    const job: Job = { id: kept.id, projectId: kept.projectId, stream, runs: 0 };
    await this.ctx.storage.put(JOB, job);
    await this.ctx.storage.setAlarm(Date.now());
  }

  /** Ends the job; when it resolves, the response says how it ended. Nothing where there is none any more. */
  async cancel(): Promise<void> {
    const job = await this.#job();
    if (job === undefined) return;
    if (this.#running !== null) {
      this.#running.controller.abort();
      await this.#running.ended;
      return;
    }
    await this.#forget();
    await this.#end(job, { status: "cancelled", failure: null, events: null });
  }

  /** The stream of the response that is being made, from the event after `?after=` on; 404 where nothing is being made, 409 without a stream. */
  override async fetch(request: Request): Promise<Response> {
    const job = await this.#job();
    if (job === undefined) return new Response(null, { status: 404 });
    if (!job.stream) return new Response(null, { status: 409 });
    const { searchParams } = new URL(request.url);
    const body = this.#events().follow({
      after: Number(searchParams.get("after")),
      heartbeat: openAiResponses.heartbeat,
      heartbeatMs: Number(searchParams.get("heartbeat_ms")),
    });
    const headers = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };
    return new Response(body, { headers });
  }

  override async alarm(): Promise<void> {
    const job = await this.#job();
    if (job === undefined) return;
    const controller = new AbortController();
    const ended = Promise.withResolvers<void>();
    this.#running = { controller, ended: ended.promise };
    try {
      await this.ctx.storage.put(JOB, { ...job, runs: job.runs + 1 });
      await this.#make(job, controller);
      await this.#forget();
    } finally {
      this.#running = null;
      ended.resolve();
    }
  }

  #jobs(): KeptLog {
    return new KeptLog(this.ctx.storage.sql, "jobs");
  }

  #job(): Promise<Job | undefined> {
    return this.ctx.storage.get<Job>(JOB);
  }

  #events(): EventLog {
    this.#told ??= createEventLog(Date.now);
    return this.#told;
  }

  async #forget(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  async #make(job: Job, controller: AbortController): Promise<void> {
    // A run may have been cut off between its response's last word and its own end; what is deleted nobody awaits.
    if (!(await this.#isAwaited(job))) return;
    // Who follows has seen what the first run said: another would say something else.
    const interrupted = job.runs >= (job.stream ? 1 : MAX_RUNS);
    const failure = interrupted ? INTERRUPTED : await this.#run(job, controller.signal).catch(failureOf);
    const events = this.#events();
    events.end();
    await this.#end(job, {
      status: controller.signal.aborted ? "cancelled" : "failed",
      failure,
      events: job.stream ? events.text() : null,
    });
  }

  /** Makes the call like any other, but for its client. Null when its response was kept. */
  async #run(job: Job, signal: AbortSignal): Promise<Failure | null> {
    const { env } = this;
    const [kept] = this.#jobs().chain({ ...job, now: Date.now(), most: 1 });
    const sealed = kept === undefined ? null : await openJob(env, kept);
    if (sealed === null) return INTERRUPTED;
    await this.#change(job, (content) => withStatus(content, "in_progress"));
    const { body, headers, ...takenOver } = sealed;
    const work: Promise<unknown>[] = [];
    const response = await handleCall({
      client: openAiResponses,
      request: new Request("https://background/v1/responses", { method: "POST", headers, body, signal }),
      env,
      ctx: { waitUntil: (promise) => void work.push(promise) },
      takenOver: { ...takenOver, mostMs: MOST_MS },
    });
    const failure = await this.#take(response);
    while (work.length > 0) await Promise.allSettled(work.splice(0));
    return failure;
  }

  /** Reads the answer to its end, and tells it to who follows. */
  async #take(response: Response): Promise<Failure | null> {
    const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
    if (!isStream) return response.ok ? drained(response) : failureIn(parseObject(await response.text()));
    const events = this.#events();
    for await (const chunk of response.body ?? []) events.push(chunk);
    events.end();
    const last = events.last();
    if (isObject(last?.response) && last.response.status !== "failed") return null;
    return failureIn(isObject(last?.response) ? last.response : last);
  }

  async #isAwaited({ projectId, id }: Job): Promise<boolean> {
    const kept = await readResponse({ env: this.env, projectId, id });
    return kept !== null && isUnfinished(kept.response);
  }

  #change(job: Job, change: (content: ResponseContent) => ResponseContent): Promise<boolean> {
    return updateResponse({ env: this.env, projectId: job.projectId, id: job.id, change });
  }

  /** What the response says in the end, where the call did not say it itself. */
  async #end(
    job: Job,
    end: { status: "cancelled" | "failed"; failure: Failure | null; events: string | null },
  ): Promise<void> {
    await this.#change(job, (content) => {
      const known = end.events === null ? content : { ...content, events: end.events };
      if (!isUnfinished(content.response)) return known;
      const error = end.status === "failed" ? (end.failure ?? INTERRUPTED) : null;
      return withStatus(known, end.status, { error });
    });
  }
}

function withStatus(content: ResponseContent, status: string, more: Json = {}): ResponseContent {
  return { ...content, response: { ...content.response, status, ...more } };
}

async function drained(response: Response): Promise<null> {
  await response.body?.cancel();
  return null;
}

/** What an error object, or a failed response, says. */
function failureIn(json: Json | null): Failure {
  const { code, message } = isObject(json?.error) ? json.error : (json ?? {});
  return typeof message === "string" ? { code: String(code ?? "server_error"), message } : INTERRUPTED;
}

function failureOf(cause: unknown): Failure {
  console.error(JSON.stringify({ event: "background_failed", cause: String(cause) }));
  return INTERRUPTED;
}
