import type { WebSocket } from "ws";
import { CLOSE, type GoAway, type NodeState } from "../../../src/tunnel/protocol/messages.ts";
import type { NodeHandler } from "../serve/contract.ts";
import { BACKOFF, backoffMs } from "./backoff.ts";
import { ConnectError, type Connection, connect } from "./connect.ts";
import { checkGatewayUrl } from "./gateway-url.ts";
import type { Identity } from "./identity.ts";
import { proxyFetch, type TunnelFetch } from "./proxy.ts";
import { Session } from "./session.ts";
import { type StateClock, StateSender } from "./state-sender.ts";

/** A gateway that says 401 this often in a row will not change its mind. */
const MAX_REFUSALS = 5;

/** A connection that lasted this long was a good one: the next failure starts the backoff anew. In ms. */
const STABLE_MS = 10_000;

const CLOSE_GRACE_MS = 1_000;

export type StopReason = "closed" | "superseded" | "revoked" | "refused" | "incompatible";

/** Texts for the operator are in `message`; nothing in an event is secret. */
export type TunnelEvent =
  | { type: "connected"; generation: number }
  | { type: "disconnected"; code: number; reason: string }
  | { type: "retrying"; delayMs: number; message: string }
  | { type: "untrusted"; message: string }
  | { type: "rotated"; message: string }
  | { type: "go_away"; reason: string; drainMs: number }
  | { type: "error"; error: unknown }
  | { type: "stopped"; reason: StopReason; message: string };

export interface TunnelStatus {
  phase: "connecting" | "connected" | "waiting" | "draining" | "stopped";
  /** Set once stopped. */
  stopReason: StopReason | null;
  generation: number;
  activeCalls: number;
  /** Why the last attempt or connection failed. */
  lastError: string | null;
}

export interface TunnelOptions {
  gatewayUrl: string;
  identity: Identity;
  /** Keeps the generation and a rotated gateway key; called before each connection. */
  saveIdentity: (identity: Identity) => Promise<void>;
  handler: NodeHandler;
  state: () => NodeState;
  allowInsecureLan: boolean;
  onEvent: (event: TunnelEvent) => void;
  clock?: StateClock;
  /** Uniform in [0, 1); for the jitter. */
  random?: () => number;
  fetch?: TunnelFetch;
}

export interface Tunnel {
  /** What `state` returns may have changed. */
  stateChanged(): void;
  /** Takes no new calls, waits up to `ms` for the running ones, then closes. */
  drain(ms: number): Promise<void>;
  /** Closes at once; running calls are stopped. */
  close(): Promise<void>;
  status(): TunnelStatus;
}

const STOP_MESSAGES: Record<StopReason, string> = {
  closed: "The tunnel was closed.",
  superseded:
    "This node's identity is in use by another daemon, which took over. Stop one of them, or join this machine with a token of its own.",
  revoked: "This node was revoked at the gateway. Join again with a new token.",
  refused:
    "The gateway refuses this node: it was revoked, or the gateway does not know it. Join again with a new token.",
  incompatible: "The gateway speaks another version of the protocol. Update this node.",
};

/**
 * Keeps one connection to the gateway open until it is closed, replaced or refused for good.
 *
 * @throws InsecureGatewayError when the address may not be used
 */
export function openTunnel(options: TunnelOptions): Tunnel {
  const lifecycle = new TunnelLifecycle(options);
  const ended = lifecycle.run();
  return {
    stateChanged: () => lifecycle.stateChanged(),
    drain: async (ms) => {
      await lifecycle.drain(ms);
      lifecycle.stop("closed");
      await ended;
    },
    close: async () => {
      lifecycle.stop("closed");
      await ended;
    },
    status: () => lifecycle.status(),
  };
}

class TunnelLifecycle {
  readonly #options: TunnelOptions;
  readonly #gateway: URL;
  readonly #fetch: TunnelFetch;
  readonly #random: () => number;
  readonly #clock: StateClock;
  readonly #stopping = new AbortController();
  #identity: Identity;
  #phase: TunnelStatus["phase"] = "connecting";
  #stopReason: StopReason | null = null;
  #lastError: string | null = null;
  #failures = 0;
  #refusals = 0;
  /** This process held the tunnel before. */
  #held = false;
  #session: Session | null = null;
  #socket: WebSocket | null = null;
  #states: StateSender | null = null;
  #onIdle: (() => void) | null = null;

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#gateway = checkGatewayUrl(options.gatewayUrl, options);
    this.#fetch = options.fetch ?? proxyFetch();
    this.#random = options.random ?? Math.random;
    this.#clock = options.clock ?? {
      now: () => performance.now(),
      setTimeout: (task, ms) => setTimeout(task, ms),
    };
    this.#identity = options.identity;
  }

  async run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#phase = "connecting";
      try {
        await this.#serve(await this.#connect());
      } catch (error) {
        this.#failed(error);
      }
      if (this.#stopping.signal.aborted) break;
      await this.#wait();
    }
    this.#phase = "stopped";
    const reason = this.#stopReason ?? "closed";
    this.#options.onEvent({ type: "stopped", reason, message: STOP_MESSAGES[reason] });
  }

  stateChanged(): void {
    this.#states?.changed();
  }

  async drain(ms: number): Promise<void> {
    const session = this.#session;
    if (session === null) return;
    this.#phase = "draining";
    session.goAway({ reason: "shutdown", drainMs: ms });
    await this.#untilIdle(session, ms);
  }

  stop(reason: StopReason): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopReason = reason;
    this.#stopping.abort();
    if (this.#socket !== null) closeSoon(this.#socket, "closed");
  }

  status(): TunnelStatus {
    return {
      phase: this.#phase,
      stopReason: this.#stopReason,
      generation: this.#identity.generation,
      activeCalls: this.#session?.activeCalls ?? 0,
      lastError: this.#lastError,
    };
  }

  async #connect(): Promise<Connection> {
    const pinned = this.#identity.gatewayKey;
    const connection = await connect({
      gateway: this.#gateway,
      identity: this.#identity,
      mustBeLast: this.#held,
      fetch: this.#fetch,
      signal: this.#stopping.signal,
      saveIdentity: async (identity) => {
        this.#identity = identity;
        await this.#options.saveIdentity(identity);
      },
    });
    if (connection.identity.gatewayKey !== pinned) {
      this.#options.onEvent({
        type: "rotated",
        message: "The gateway's key was rotated; the new one is pinned.",
      });
    }
    return connection;
  }

  /** Serves calls until the socket closes. */
  async #serve(connection: Connection): Promise<void> {
    const { socket } = connection;
    const since = performance.now();
    const session = new Session({
      socket,
      handler: this.#options.handler,
      maxStreams: connection.welcome.maxStreams,
      onGoAway: (goAway) => this.#goAway(session, goAway),
      onIdle: () => this.#onIdle?.(),
      onError: (error) => this.#options.onEvent({ type: "error", error }),
    });
    this.#session = session;
    this.#socket = socket;
    this.#held = true;
    this.#refusals = 0;
    this.#phase = "connected";
    this.#lastError = null;
    const states = new StateSender({
      state: this.#options.state,
      send: (frame) => session.sendConnectionFrame(frame),
      clock: this.#clock,
    });
    this.#states = states;
    const closed = new Promise<{ code: number; reason: string }>((resolve) => {
      // What waited for the welcome had its listeners; from here on the session has the socket.
      socket.removeAllListeners();
      socket.on("error", (error) => this.#options.onEvent({ type: "error", error }));
      socket.on("message", (data: Buffer, isBinary: boolean) => session.receive(data, isBinary));
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString("utf8") }));
      // It may have closed while the welcome was checked. RFC 6455: 1006 means no close code was seen.
      if (socket.readyState === socket.CLOSED) resolve({ code: 1006, reason: "" });
    });
    for (const { data, isBinary } of connection.early) session.receive(data, isBinary);
    states.changed();
    this.#options.onEvent({ type: "connected", generation: connection.identity.generation });
    if (this.#stopping.signal.aborted) closeSoon(socket, "closed");
    const { code, reason } = await closed;
    session.end();
    states.stop();
    this.#session = null;
    this.#socket = null;
    this.#states = null;
    this.#options.onEvent({ type: "disconnected", code, reason });
    this.#lastError = `The connection was closed (${code}${reason === "" ? "" : `, ${reason}`}).`;
    this.#failures = performance.now() - since > STABLE_MS ? 1 : this.#failures + 1;
    if (code === CLOSE.superseded) this.stop("superseded");
    if (code === CLOSE.revoked) this.stop("revoked");
  }

  /** The gateway wants this connection to end: running calls may finish, then a new one is made. */
  #goAway(session: Session, goAway: GoAway): void {
    this.#options.onEvent({ type: "go_away", ...goAway });
    const socket = this.#socket;
    this.#untilIdle(session, goAway.drainMs)
      .then(() => {
        if (socket !== null) closeSoon(socket, "drained");
      })
      .catch((error) => this.#options.onEvent({ type: "error", error }));
  }

  async #untilIdle(session: Session, ms: number): Promise<void> {
    if (session.activeCalls === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#onIdle = () => {
        clearTimeout(timer);
        this.#onIdle = null;
        resolve();
      };
    });
  }

  #failed(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    this.#failures += 1;
    this.#lastError = error instanceof Error ? error.message : String(error);
    if (!(error instanceof ConnectError)) {
      this.#options.onEvent({ type: "error", error });
      return;
    }
    if (error.code === "in_use" || error.closeCode === CLOSE.superseded) this.stop("superseded");
    if (error.closeCode === CLOSE.revoked) this.stop("revoked");
    if (error.code === "incompatible") this.stop("incompatible");
    if (error.code === "untrusted") this.#options.onEvent({ type: "untrusted", message: error.message });
    this.#refusals = error.code === "refused" ? this.#refusals + 1 : 0;
    if (this.#refusals >= MAX_REFUSALS) this.stop("refused");
  }

  async #wait(): Promise<void> {
    this.#phase = "waiting";
    // A gateway that cannot prove its key may be another one on the way: no hurry to meet it again.
    const delayMs = Math.min(BACKOFF.lastMs, backoffMs(this.#failures, this.#random));
    this.#options.onEvent({ type: "retrying", delayMs, message: this.#lastError ?? "" });
    const { signal } = this.#stopping;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, delayMs);
      signal.addEventListener("abort", done);
    });
  }
}

/** Says goodbye, but does not wait long for a gateway that says nothing back. */
function closeSoon(socket: WebSocket, reason: string): void {
  socket.close(1000, reason);
  const timer = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS);
  socket.once("close", () => clearTimeout(timer));
}
