import { randomBytes } from "node:crypto";
import { NODE_PATHS, QUEUE_HEADERS, type ServedModel } from "../../../src/tunnel/protocol/messages.ts";
import type { Engine, EnginePhases } from "../engines/engine.ts";
import { NodeError, type NodeHandler, type NodeRequest, type NodeResponse } from "./contract.ts";
import { renderError } from "./error-body.ts";
import { addShares, whoMakesRoom } from "./make-room.ts";
import {
  cancelled,
  drainingError,
  internalError,
  invalidRequest,
  modelNotLoaded,
  queueFull,
} from "./node-errors.ts";
import { type AdmissionQueue, createAdmissionQueue, type Place } from "./queue.ts";
import { createRecentDurations, type RecentDurations } from "./recent-durations.ts";
import { buildSpans, type CallTimes, childTraceparent } from "./spans.ts";

export interface Load {
  /** Calls that the engines can run at once. */
  total: number;
  busy: number;
  queued: number;
  queueLimit: number;
}

export interface Serve {
  handle: NodeHandler;
  load(): Load;
  /** Calls `listener` whenever `load()` changed. */
  onChange(listener: () => void): void;
  /** Call when engines came or went, or changed their slots: waiting calls may begin. */
  refresh(): void;
  /** Takes no new calls; resolves when the last one has ended. */
  drain(): Promise<void>;
}

/** What stands before one engine. */
interface Gate {
  queue: AdmissionQueue;
  durations: RecentDurations;
}

/**
 * What stands between the tunnel and the engines: the fixed paths, the model's name, a bounded queue before each
 * engine that is fair between keys and sessions, errors in OpenAI's form, and the node's spans. `queueLimit` is the number of
 * calls that may wait, over all engines; `clock` gives milliseconds, rising, with fractions.
 */
export function createServe(options: {
  engines: () => readonly Engine[];
  queueLimit: () => number;
  clock: () => number;
  /** Told of what must not happen; the caller gets an opaque 500. */
  onInternalError?: (cause: unknown) => void;
}): Serve {
  const { engines, queueLimit, clock } = options;
  const gates = new WeakMap<Engine, Gate>();
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of listeners) listener();
    if (running === 0) idle?.resolve();
  };
  let running = 0;
  let draining = false;
  let idle: PromiseWithResolvers<void> | null = null;

  const gateOf = (engine: Engine): Gate => {
    const existing = gates.get(engine);
    if (existing !== undefined) return existing;
    const queue = createAdmissionQueue({ slots: () => engine.slots(), onChange: changed });
    const gate = { queue, durations: createRecentDurations() };
    gates.set(engine, gate);
    engine.onChange(() => {
      queue.wake();
      changed();
    });
    return gate;
  };
  const queueOf = (engine: Engine): AdmissionQueue => gateOf(engine).queue;
  const sum = (count: (queue: AdmissionQueue) => number): number =>
    engines().reduce((total, engine) => total + count(queueOf(engine)), 0);
  const load = (): Load => ({
    total: engines().reduce((total, engine) => total + engine.slots(), 0),
    busy: sum((queue) => queue.busy()),
    queued: sum((queue) => queue.queued()),
    queueLimit: queueLimit(),
  });

  /** The engine that has the model and can begin soonest. */
  const findEngine = (model: string): Engine => {
    const candidates = engines().flatMap((engine) =>
      engine
        .models()
        .filter((served) => served.id === model)
        .map((served) => ({ engine, loaded: served.loaded })),
    );
    if (candidates.length === 0) throw modelNotFound(model, engines());
    const loaded = candidates.filter((candidate) => candidate.loaded);
    const waiting = (engine: Engine): number =>
      (queueOf(engine).busy() + queueOf(engine).queued()) / Math.max(1, engine.slots());
    const best = loaded.reduce<Engine | null>(
      (current, { engine }) => (current === null || waiting(engine) < waiting(current) ? engine : current),
      null,
    );
    if (best === null) throw modelNotLoaded(model);
    return best;
  };
  const admit = (engine: Engine, request: NodeRequest): Promise<() => void> => {
    const { queue, durations } = gateOf(engine);
    const place = placeOf(request);
    if (queue.wouldWait(place.priority) && sum((each) => each.queued()) >= queueLimit()) {
      const full = queueFull(durations.waitSeconds({ ahead: queue.queued() + 1, slots: engine.slots() }));
      const all = engines().map(queueOf);
      const who = whoMakesRoom(addShares(all.flatMap((each) => each.shares())), place);
      if (who === null || !all.some((each) => each.turnAway(who, full))) throw full;
    }
    return queue.enter({ ...place, deadlineMs: request.deadlineMs, signal: request.signal });
  };

  const handle: NodeHandler = async (request) => {
    const receivedAt = clock();
    const elapsedUs = (): number => Math.round((clock() - receivedAt) * 1000);
    const phases: EnginePhases = {};
    const call: CallTimes = { model: "", serverSpanId: newSpanId(), phases };
    const spans = (): ReturnType<NodeResponse["spans"]> => buildSpans(call, elapsedUs(), newSpanId);
    let release = (): void => {};
    let durations: RecentDurations | null = null;
    const end = (error?: unknown): void => {
      if (call.endUs !== undefined) return;
      call.endUs = elapsedUs();
      if (error !== undefined) call.error = messageOf(error);
      running--;
      release();
      if (call.engineStartUs !== undefined) durations?.add((call.endUs - call.engineStartUs) / 1000);
      changed();
    };

    running++;
    try {
      if (draining) throw drainingError();
      assertKnownPath(request);
      call.model = modelOf(request.body);
      const engine = findEngine(call.model);
      assertServed(request.path, call.model, engine);
      release = await admit(engine, request);
      durations = gateOf(engine).durations;
      call.engineStartUs = elapsedUs();
      const response = await engine.handle({
        ...request,
        headers: withTraceparent(request.headers, call.serverSpanId),
        model: call.model,
        phases,
      });
      // A reader that is gone before it began never touches the body.
      request.signal.addEventListener("abort", () => end(cancelled()), { once: true });
      if (request.signal.aborted) end(cancelled());
      return { ...response, body: observed(response.body, end), spans, confidence: () => phases.confidence };
    } catch (thrown) {
      end(thrown);
      if (!(thrown instanceof NodeError)) options.onInternalError?.(thrown);
      const { status, headers, body } = renderError(thrown instanceof NodeError ? thrown : internalError());
      return { status, headers, body: once(body), spans };
    }
  };

  return {
    handle,
    load,
    onChange: (listener) => void listeners.add(listener),
    refresh: () => {
      for (const engine of engines()) queueOf(engine).wake();
      changed();
    },
    async drain() {
      draining = true;
      if (running === 0) return;
      idle ??= Promise.withResolvers();
      await idle.promise;
    },
  };
}

function placeOf({ headers }: NodeRequest): Place {
  return {
    key: headers[QUEUE_HEADERS.key] ?? "",
    session: headers[QUEUE_HEADERS.session] ?? "",
    priority: headers[QUEUE_HEADERS.priority] === "job" ? "job" : "interactive",
  };
}

/**
 * Passes the body on and says when it ended: by itself, by failing, or because its reader stopped. No generator: one
 * that was never started would not notice that its reader stopped, and the slot would stay taken.
 */
function observed(
  body: AsyncIterable<Uint8Array>,
  end: (error?: unknown) => void,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const inner = body[Symbol.asyncIterator]();
      return {
        async next() {
          try {
            const result = await inner.next();
            if (result.done === true) end();
            return result;
          } catch (thrown) {
            end(thrown);
            throw thrown;
          }
        },
        async return() {
          end(cancelled());
          await inner.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}

function withTraceparent(headers: Record<string, string>, spanId: string): Record<string, string> {
  const traceparent = childTraceparent(headers.traceparent, spanId);
  return traceparent === undefined ? headers : { ...headers, traceparent };
}

function assertKnownPath(request: NodeRequest): void {
  if (!(NODE_PATHS as readonly string[]).includes(request.path)) {
    throw new NodeError({
      code: "unknown_path",
      message: `A node does not serve ${request.path}. It serves ${NODE_PATHS.join(", ")}.`,
      status: 404,
      retryable: false,
    });
  }
  if (request.method !== "POST") {
    throw new NodeError({
      code: "method_not_allowed",
      message: `${request.path} takes POST.`,
      status: 405,
      retryable: false,
    });
  }
}

/** What a model must be able to, beyond chat, to be asked at a path. */
const NEEDED_AT: Record<string, keyof ServedModel["capabilities"]> = {
  "/v1/completions": "completions",
  "/v1/embeddings": "embeddings",
};

function assertServed(path: string, model: string, engine: Engine): void {
  const needed = NEEDED_AT[path];
  const served = engine.models().find(({ id }) => id === model);
  if (needed === undefined || served?.capabilities[needed]) return;
  throw new NodeError({
    code: "unsupported_endpoint",
    message: `The engine of '${model}' (${engine.kind}) has no ${path}.`,
    status: 404,
    retryable: false,
    param: "model",
  });
}

function modelOf(body: Uint8Array): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(body));
  } catch (cause) {
    throw new NodeError({
      code: "invalid_json",
      message: "The body is not valid JSON.",
      status: 400,
      retryable: false,
      cause,
    });
  }
  const model = typeof parsed === "object" && parsed !== null && "model" in parsed ? parsed.model : undefined;
  if (typeof model === "string" && model !== "") return model;
  throw invalidRequest({ message: "'model' must be the name of a model.", param: "model" });
}

function modelNotFound(model: string, engines: readonly Engine[]): NodeError {
  const served = engines.flatMap((engine) => engine.models().map(({ id }) => id));
  const list = served.length === 0 ? "nothing yet" : served.join(", ");
  return new NodeError({
    code: "model_not_found",
    message: `This node does not serve '${model}'. It serves: ${list}.`,
    status: 404,
    retryable: false,
    param: "model",
  });
}

function newSpanId(): string {
  return randomBytes(8).toString("hex");
}

function messageOf(thrown: unknown): string {
  return thrown instanceof NodeError ? `${thrown.code}: ${thrown.message}` : "internal error";
}
