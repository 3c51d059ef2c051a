import { Agent, type Dispatcher, request as send } from "undici";
import { type Capabilities, CHAT_ONLY } from "../../../../src/tunnel/protocol/messages.ts";
import { NodeError } from "../../serve/contract.ts";
import { cancelled, engineFailed } from "../../serve/node-errors.ts";
import type { Engine, EngineRequest } from "../engine.ts";
import { fromEngineHeaders, toEngineHeaders } from "./headers.ts";
import { type ListedModel, parseModelList } from "./list-models.ts";
import { type EngineResponse, openResponse } from "./open-response.ts";
import { probeCapabilities } from "./probe.ts";

export interface AttachEngineOptions {
  /** The base URL of an OpenAI-compatible API, as its clients are given it: `http://127.0.0.1:11434/v1`. */
  baseUrl: string;
  apiKey?: string;
  /** Names to serve instead of asking `/models`. */
  models?: readonly string[];
  /** Calls at once; the engine has its own queue behind them. */
  slots?: number;
  /** Whether to ask what the engine can do, with a few small requests; otherwise it only chats. Default true. */
  probe?: boolean;
  log?: (level: "info" | "warn", message: string) => void;
  /** Where requests go; default an undici agent with keep-alive and no time limits of its own. */
  dispatcher?: Dispatcher;
  /** Milliseconds between two looks at `/models`. */
  refreshMs?: number;
}

export interface AttachEngine extends Engine {
  readonly kind: "attach";
  /** Looks at `/models` again, now. */
  refresh(): Promise<void>;
  /** Resolves when the capabilities of all models are known. */
  probed(): Promise<void>;
}

const DEFAULTS = { slots: 64, refreshMs: 30_000 };
/** An engine that must load a model first may miss this; its capabilities then stay at plain chat until a later look. */
const PROBE_TIMEOUT_MS = 20_000;
const LIST_TIMEOUT_MS = 5_000;
const FAILED_LOOKS_UNTIL_GONE = 2;
/** With more models than this, probing would load them one after the other into the owner's GPU. */
const MAX_PROBED_MODELS = 3;

/**
 * An engine that the owner already runs, by its URL. Bytes pass untouched in both directions. It starts at once, also
 * when nobody answers at the URL yet: models appear when `/models` lists them.
 */
export async function createAttachEngine(options: AttachEngineOptions): Promise<AttachEngine> {
  const base = options.baseUrl.replace(/\/+$/, "");
  const ownAgent = new Agent({ connections: null, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  const dispatcher = options.dispatcher ?? ownAgent;
  const slots = options.slots ?? DEFAULTS.slots;
  const log = options.log ?? (() => {});
  const listeners = new Set<() => void>();
  const capabilities = new Map<string, Capabilities>();
  const closing = new AbortController();
  let listed: ListedModel[] = (options.models ?? []).map((id) => ({ id, contextTokens: null }));
  let failedLooks = 0;
  let probing: Promise<void> = Promise.resolve();

  const changed = (): void => {
    for (const listener of listeners) listener();
  };

  /** One JSON request; null when it was refused, broken or too late. */
  const ask = async (path: string, body: object | null, timeoutMs: number): Promise<unknown> => {
    try {
      const response = await send(`${base}${path}`, {
        method: body === null ? "GET" : "POST",
        headers: toEngineHeaders({ "content-type": "application/json" }, options.apiKey),
        body: body === null ? null : JSON.stringify(body),
        signal: AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]),
        dispatcher,
      });
      if (response.statusCode !== 200) {
        await response.body.dump();
        return null;
      }
      return await response.body.json();
    } catch {
      return null; // not there, or not what it should be: the caller knows no more than before
    }
  };

  const probe = async (): Promise<void> => {
    if (options.probe === false || listed.length > MAX_PROBED_MODELS) return;
    for (const { id } of listed) {
      if (capabilities.has(id) || closing.signal.aborted) continue;
      const found = await probeCapabilities((path, body) =>
        ask(path, { model: id, ...body }, PROBE_TIMEOUT_MS),
      );
      capabilities.set(id, found);
      changed();
    }
  };

  const refresh = async (): Promise<void> => {
    if (options.models === undefined) {
      const found = parseModelList(await ask("/models", null, LIST_TIMEOUT_MS));
      failedLooks = found === null ? failedLooks + 1 : 0;
      if (failedLooks === 1) log("warn", `${base}/models does not answer with a list of models.`);
      // A busy engine may miss one look; its models go only when it misses two.
      if (found === null && failedLooks < FAILED_LOOKS_UNTIL_GONE) return;
      const next = found ?? [];
      if (JSON.stringify(next) !== JSON.stringify(listed)) {
        listed = next;
        changed();
      }
    }
    probing = probing.then(probe);
  };

  await refresh();
  const timer = setInterval(() => void refresh(), options.refreshMs ?? DEFAULTS.refreshMs);
  timer.unref();

  return {
    kind: "attach",
    models: () =>
      listed.map(({ id, contextTokens }) => ({
        id,
        engine: "attach",
        loaded: true,
        fileSha256: null,
        quantisation: null,
        contextTokens,
        capabilities: capabilities.get(id) ?? CHAT_ONLY,
        tokensPerSecond: null,
      })),
    slots: () => slots,
    placement: () => ({ pids: [], device: null }),
    handle: (request) => forward(request, { base, apiKey: options.apiKey, dispatcher }),
    onChange: (listener) => void listeners.add(listener),
    refresh,
    probed: () => probing,
    async close() {
      clearInterval(timer);
      closing.abort();
      await probing;
      await ownAgent.destroy();
    },
  };
}

/** The engine's base URL ends with the version that the paths of the tunnel begin with. */
const VERSION_PREFIX = "/v1";

async function forward(
  request: EngineRequest,
  target: { base: string; apiKey: string | undefined; dispatcher: Dispatcher },
): Promise<Awaited<ReturnType<Engine["handle"]>>> {
  const { signal, phases } = request;
  const startedAt = performance.now();
  const elapsedUs = (): number => Math.round((performance.now() - startedAt) * 1000);
  phases.prefillStartUs = 0;
  const toNodeError = (cause: unknown, afterHead: boolean): NodeError => {
    if (signal.aborted) return cancelled();
    if (afterHead) return engineFailed({ message: "The attached engine broke off in its answer.", cause });
    return new NodeError({
      code: "engine_unreachable",
      message: "The attached engine does not answer. Is it running?",
      status: 503,
      retryable: true,
      retryAfterSeconds: 1,
      cause,
    });
  };

  let response: EngineResponse;
  try {
    response = await openResponse({
      dispatcher: target.dispatcher,
      url: new URL(`${target.base}${request.path.slice(VERSION_PREFIX.length)}`),
      method: request.method,
      headers: toEngineHeaders(request.headers, target.apiKey),
      body: request.method === "GET" ? null : request.body,
      signal,
    });
  } catch (cause) {
    throw toNodeError(cause, false);
  }

  const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
    try {
      const value = await response.read();
      if (value === null) {
        phases.endUs = elapsedUs();
        return { done: true, value: undefined };
      }
      phases.firstTokenUs ??= elapsedUs();
      return { done: false, value };
    } catch (cause) {
      phases.endUs = elapsedUs();
      throw toNodeError(cause, true);
    }
  };
  const abandon = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
    phases.endUs ??= elapsedUs();
    response.destroy();
    return { done: true, value: undefined };
  };
  return {
    status: response.status,
    headers: fromEngineHeaders(response.headers),
    body: { [Symbol.asyncIterator]: () => ({ next, return: abandon }) },
  };
}
