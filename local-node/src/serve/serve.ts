import { randomBytes } from "node:crypto";
import type { Engine, EnginePhases } from "../engines/engine.ts";
import type { EnergyMeasure } from "../hardware/energy-meter.ts";
import { type CallRecord, recordOf } from "./call-record.ts";
import { NodeError, type NodeHandler, type NodeRequest, type NodeResponse } from "./contract.ts";
import { renderError } from "./error-body.ts";
import { addShares, whoMakesRoom } from "./make-room.ts";
import { cancelled, drainingError, internalError, modelNotLoaded, queueFull } from "./node-errors.ts";
import { observed, once } from "./observed-body.ts";
import { type AdmissionQueue, createAdmissionQueue } from "./queue.ts";
import { assertKnownPath, assertServed, modelNotFound, modelOf, placeOf } from "./read-request.ts";
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
  /** Tokens that the engines have written since the start, those of running calls included. */
  writtenTokens(): number;
  /** Call when engines came or went, or changed their slots: waiting calls may begin. */
  refresh(): void;
  /** Takes no new calls from now on; resolves when the last one has ended, those that wait included. */
  drain(): Promise<void>;
  /** Refuses new calls and those that wait, until `resume`; resolves when no call runs any more. */
  pause(error: () => NodeError): Promise<void>;
  resume(): void;
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
  /** Told of every call that has ended. */
  onCall?: (call: CallRecord) => void;
  /** Begins to measure the energy of a call on this engine; null where that cannot be known. */
  measure?: (engine: Engine) => EnergyMeasure | null;
}): Serve {
  const { engines, queueLimit, clock } = options;
  const gates = new WeakMap<Engine, Gate>();
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of listeners) listener();
    if (runningCalls.size > 0) return;
    idle?.resolve();
    idle = null;
  };
  const runningCalls = new Set<CallTimes>();
  let written = 0;
  /** Why no call is taken now. */
  let closed: (() => NodeError) | null = null;
  let idle: PromiseWithResolvers<void> | null = null;
  const whenIdle = async (): Promise<void> => {
    if (runningCalls.size === 0) return;
    idle ??= Promise.withResolvers();
    await idle.promise;
  };

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
    const loadable = best ?? candidates.find(({ engine }) => engine.prepare !== undefined)?.engine;
    if (loadable === undefined) throw modelNotLoaded(model);
    return loadable;
  };
  const isLoaded = (engine: Engine, model: string): boolean =>
    engine.models().some((served) => served.id === model && served.loaded);
  /** A call to a model that is not in memory waits in the queue while it is loaded, and others' calls go on. */
  const admitLoaded = async (engine: Engine, model: string, request: NodeRequest): Promise<() => void> => {
    for (;;) {
      if (!isLoaded(engine, model)) {
        engine.prepare?.().catch((error: unknown) => {
          if (!(error instanceof NodeError)) options.onInternalError?.(error);
          queueOf(engine).turnAllAway(() => (error instanceof NodeError ? error : internalError()));
        });
      }
      const leave = await admit(engine, request);
      // Another model may have taken its memory between the queue and here.
      if (isLoaded(engine, model) || engine.prepare === undefined) return leave;
      leave();
    }
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
    const { priority } = placeOf(request);
    const call: CallTimes = { model: "", priority, serverSpanId: newSpanId(), phases };
    const spans = (): ReturnType<NodeResponse["spans"]> => buildSpans(call, elapsedUs(), newSpanId);
    let release = (): void => {};
    let durations: RecentDurations | null = null;
    let energy: EnergyMeasure | null = null;
    const end = (error?: unknown): void => {
      if (call.endUs !== undefined) return;
      call.endUs = elapsedUs();
      if (error !== undefined) call.error = failureOf(error);
      call.energyJoules = energy?.end() ?? null;
      runningCalls.delete(call);
      written += phases.completionTokens ?? 0;
      release();
      if (call.engineStartUs !== undefined) durations?.add((call.endUs - call.engineStartUs) / 1000);
      options.onCall?.(recordOf(call));
      changed();
    };

    runningCalls.add(call);
    try {
      if (closed !== null) throw closed();
      assertKnownPath(request);
      call.model = modelOf(request.body);
      const engine = findEngine(call.model);
      assertServed(request.path, call.model, engine);
      release = await admitLoaded(engine, call.model, request);
      durations = gateOf(engine).durations;
      call.engineStartUs = elapsedUs();
      energy = options.measure?.(engine) ?? null;
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
    writtenTokens: () =>
      [...runningCalls].reduce((sum, { phases }) => sum + (phases.completionTokens ?? 0), written),
    refresh: () => {
      for (const engine of engines()) queueOf(engine).wake();
      changed();
    },
    drain: () => {
      closed = drainingError;
      return whenIdle();
    },
    pause: (error) => {
      closed = error;
      for (const engine of engines()) queueOf(engine).turnAllAway(error);
      return whenIdle();
    },
    resume: () => {
      if (closed !== drainingError) closed = null;
    },
  };
}

function withTraceparent(headers: Record<string, string>, spanId: string): Record<string, string> {
  const traceparent = childTraceparent(headers.traceparent, spanId);
  return traceparent === undefined ? headers : { ...headers, traceparent };
}

function newSpanId(): string {
  return randomBytes(8).toString("hex");
}

function failureOf(thrown: unknown): { code: string; message: string } {
  return thrown instanceof NodeError
    ? { code: thrown.code, message: thrown.message }
    : { code: "internal_error", message: "internal error" };
}
