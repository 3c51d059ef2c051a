import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import type { NodeReport } from "../fleet/fleet-store.ts";
import { sign } from "../security/ed25519.ts";
import { gatewayIdentity } from "../security/gateway-identity.ts";
import type { CallStream } from "./call-stream.ts";
import { checkConnect } from "./check-connect.ts";
import { DISPATCH_HEADERS, type NodeRefusal, refusal } from "./dispatch-wire.ts";
import { FleetReporter } from "./fleet-reporter.ts";
import { type Attachment, attachmentSchema, NodeSocket } from "./node-socket.ts";
import { FRAME } from "./protocol/frames.ts";
import { encodeJsonFrame } from "./protocol/json-payload.ts";
import {
  type ChallengeResponse,
  CLOSE,
  type GoAway,
  HEARTBEAT,
  PROTOCOL,
  type StreamError,
  type Welcome,
} from "./protocol/messages.ts";
import { type ConnectClaim, welcomeTranscript } from "./protocol/transcripts.ts";
import { newNonce, RegistrationStore } from "./registration.ts";

/** Calls that run at once on one node's socket. */
const MAX_STREAMS = 256;

/** Request bytes that wait in the object for the node's credit, over all calls; the isolate has 128 MB. */
const MAX_UNSENT_BYTES = 32 * 1024 * 1024;

/** Two heartbeats and some slack: a peer that is silent for longer is gone, though no close came. In ms. */
const SILENCE_LIMIT_MS = 2 * HEARTBEAT.intervalMs + 5_000;

/** RFC 6455: the endpoint is going away. */
const CLOSE_GOING_AWAY = 1001;

/**
 * One node's end of the tunnel, one object per node (its name is the node id). The node dials in; calls from Workers
 * are multiplexed over its socket. Idle, it hibernates with the socket open; the runtime answers the heartbeat.
 */
export class NodeTunnel extends DurableObject<Env> {
  readonly #store: RegistrationStore;
  readonly #reporter: FleetReporter;
  #node: NodeSocket | null = null;
  /** Calls by the id that their Worker chose, from the first byte of the dispatch on; null until the stream is open. */
  readonly #calls = new Map<string, CallStream | "pending" | "cancelled">();
  #watch: ReturnType<typeof setTimeout> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new RegistrationStore(ctx.storage.kv);
    this.#reporter = new FleetReporter({
      current: () => this.#report(),
      send: async (report) => {
        const nodeId = this.#store.get()?.nodeId;
        if (nodeId !== undefined) await env.FLEET.getByName("fleet").report(nodeId, report);
      },
      retryAt: (time) => ctx.storage.setAlarm(time),
    });
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(HEARTBEAT.ping, HEARTBEAT.pong));
    this.#wake();
  }

  /** From the fleet, at enrolment. */
  register(node: { nodeId: string; name: string; projects: string[]; publicKey: string }): void {
    if (this.#store.get() !== null) throw new Error("This node is registered already.");
    this.#store.put({ ...node, generation: 0, revoked: false });
  }

  /** From the fleet: the node may not connect again, and its socket and calls end now. */
  revoke(): void {
    const registration = this.#store.get();
    if (registration !== null) this.#store.put({ ...registration, revoked: true });
    this.#node?.close(CLOSE.revoked, "revoked");
    this.#node = null;
  }

  /** A nonce to sign. For an unknown node it looks the same and is worth nothing. */
  challenge(): ChallengeResponse {
    const registration = this.#store.get();
    if (registration === null) return { nonce: newNonce(), generation: 0 };
    return { nonce: this.#store.issueNonce(Date.now()), generation: registration.generation };
  }

  /** Whether the node is there, judged by its heartbeat; a socket that fell silent is closed. */
  present(): boolean {
    if (this.#node !== null && this.#isSilent(this.#node)) this.#drop(CLOSE_GOING_AWAY, "silent");
    return this.#node !== null;
  }

  /** Lets running calls end within `drainMs`, then closes the socket; the node dials in again. */
  async drain(goAway: GoAway): Promise<void> {
    const node = this.#node;
    if (node === null) return;
    node.markDraining();
    node.send(encodeJsonFrame(FRAME.goAway, 0, goAway));
    const deadline = Date.now() + goAway.drainMs;
    while (node.activeStreams > 0 && Date.now() < deadline) await scheduler.wait(50);
    if (this.#node === node) this.#drop(CLOSE_GOING_AWAY, goAway.reason);
  }

  /**
   * The Worker no longer wants the answer. Returns the node's last word with the spans measured until then, or null
   * when the call is not known, ended in order, or the node stayed silent.
   */
  async cancel(callId: string): Promise<StreamError | null> {
    const call = this.#calls.get(callId);
    if (call === undefined || call === "cancelled") return null;
    if (call === "pending") {
      this.#calls.set(callId, "cancelled");
      return null;
    }
    return (await this.#node?.cancel(call)) ?? null;
  }

  override async fetch(request: Request): Promise<Response> {
    if (request.headers.get("upgrade") === "websocket") return this.#connect(request);
    return this.#dispatch(request);
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    // A superseded socket has no say any more.
    if (this.#node?.socket === socket) this.#node.receive(message, Date.now());
  }

  override async webSocketClose(socket: WebSocket, code: number): Promise<void> {
    // 1005 and 1006 are never sent (RFC 6455 section 7.4.1).
    socket.close(code === 1005 || code === 1006 ? 1000 : code);
    await this.#lost(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    await this.#lost(socket);
  }

  override async alarm(): Promise<void> {
    await this.#reporter.report();
  }

  async #connect(request: Request): Promise<Response> {
    const nodeId = this.ctx.id.name ?? "";
    const check = await checkConnect({ request, nodeId, store: this.#store, now: Date.now() });
    const registration = this.#store.get();
    if (!check.ok || registration === null) {
      const reason = check.ok ? "unknown_node" : check.reason;
      console.warn(JSON.stringify({ event: "tunnel_connect_refused", nodeId, reason }));
      return new Response(null, { status: 401 });
    }
    this.#store.put({ ...registration, generation: check.claim.generation });
    const welcome = await this.#welcome(check.claim);
    // While the welcome was signed a newer connection may have come, or a revocation.
    const latest = this.#store.get();
    if (latest === null || latest.revoked || latest.generation !== check.claim.generation) {
      return new Response(null, { status: 401 });
    }
    this.#node?.close(CLOSE.superseded, "superseded");
    const pair = new WebSocketPair();
    this.ctx.acceptWebSocket(pair[1]);
    const { generation } = check.claim;
    this.#adopt(pair[1], { nodeId, generation, connectedAt: Date.now(), epoch: 0, draining: false });
    pair[1].send(encodeJsonFrame(FRAME.welcome, 0, welcome));
    this.ctx.waitUntil(this.#reporter.report());
    return new Response(null, { status: 101, webSocket: pair[0] });
  }

  async #welcome(claim: ConnectClaim): Promise<Welcome> {
    const identity = await gatewayIdentity(this.env);
    const said = { protocol: PROTOCOL, gatewayKey: identity.publicKey, maxStreams: MAX_STREAMS };
    const signature = await sign(identity.privateKey, welcomeTranscript(claim, said));
    return { ...said, signature, ...(identity.rotation === null ? {} : { rotation: identity.rotation }) };
  }

  async #dispatch(request: Request): Promise<Response> {
    const callId = request.headers.get(DISPATCH_HEADERS.callId) ?? "";
    const project = request.headers.get(DISPATCH_HEADERS.project) ?? "";
    const early = this.#refuse(project);
    if (early !== null) return refusal(early);
    this.#calls.set(callId, "pending");
    const frames = new Uint8Array(await request.arrayBuffer());
    const cancelled = this.#calls.get(callId) === "cancelled" || request.signal.aborted;
    this.#calls.delete(callId);
    if (cancelled) return refusal("cancelled");
    const node = this.#node;
    const late = this.#refuse(project);
    if (late !== null || node === null) return refusal(late ?? "node_absent");
    const stream = node.open(frames);
    this.#calls.set(callId, stream);
    this.#watchSilence();
    const forget = (): void => {
      this.#calls.delete(callId);
    };
    this.ctx.waitUntil(stream.final().then(forget));
    // The Worker's whole request ended (its client left and nothing kept it alive): no cancel will come from it.
    request.signal.addEventListener("abort", () => this.ctx.waitUntil(node.cancel(stream)));
    return new Response(stream.body);
  }

  #refuse(project: string): NodeRefusal | null {
    const node = this.#node;
    if (node === null || this.#store.get()?.projects.includes(project) !== true) {
      return "node_absent";
    }
    if (this.#isSilent(node)) {
      this.#drop(CLOSE_GOING_AWAY, "silent");
      return "node_absent";
    }
    if (node.attachment.draining) return "node_draining";
    if (node.activeStreams >= MAX_STREAMS || node.unsentBytes > MAX_UNSENT_BYTES) return "node_busy";
    return null;
  }

  /** A power cut or a frozen process sends no close; the heartbeat tells. */
  #isSilent(node: NodeSocket): boolean {
    const ping = this.ctx.getWebSocketAutoResponseTimestamp(node.socket)?.getTime() ?? 0;
    return Date.now() - Math.max(ping, node.lastMessageAt) > SILENCE_LIMIT_MS;
  }

  /** While calls run, a peer that fell silent is noticed within a heartbeat; an idle object has no timer and sleeps. */
  #watchSilence(): void {
    if (this.#watch !== null) return;
    this.#watch = setTimeout(() => {
      this.#watch = null;
      const node = this.#node;
      if (node === null) return;
      if (this.#isSilent(node)) this.#drop(CLOSE_GOING_AWAY, "silent");
      else this.#watchSilence();
    }, HEARTBEAT.intervalMs);
  }

  #stopWatching(): void {
    if (this.#watch !== null) clearTimeout(this.#watch);
    this.#watch = null;
  }

  #drop(code: number, reason: string): void {
    this.#node?.close(code, reason);
    this.#node = null;
    this.ctx.waitUntil(this.#reporter.report());
  }

  async #lost(socket: WebSocket): Promise<void> {
    if (this.#node?.socket !== socket) return;
    this.#node.failAll();
    this.#node = null;
    await this.#reporter.report();
  }

  /** After an eviction: the socket is still open, the calls that ran on it are forgotten. */
  #wake(): void {
    const registration = this.#store.get();
    if (registration === null || registration.revoked) return;
    for (const socket of this.ctx.getWebSockets()) {
      const attachment = attachmentSchema.safeParse(socket.deserializeAttachment());
      if (!attachment.success || attachment.data.generation !== registration.generation) continue;
      if (socket.readyState !== WebSocket.OPEN) continue;
      this.#adopt(socket, { ...attachment.data, epoch: attachment.data.epoch + 1 });
    }
  }

  #adopt(socket: WebSocket, attachment: Attachment): void {
    this.#node = new NodeSocket({
      socket,
      attachment,
      events: {
        onState: (state) => {
          this.#store.putState(state);
          this.ctx.waitUntil(this.#reporter.report());
        },
        onGoAway: () => this.ctx.waitUntil(this.#reporter.report()),
        onIdle: () => this.#stopWatching(),
      },
    });
  }

  #report(): NodeReport | null {
    const registration = this.#store.get();
    if (registration === null) return null;
    const node = this.#node;
    const state = this.#store.state();
    const draining = node?.attachment.draining === true;
    return {
      generation: registration.generation,
      connected: node !== null,
      lastSeenAt: node?.lastMessageAt ?? Date.now(),
      state: state === null ? null : { ...state, draining: state.draining || draining },
    };
  }
}
