import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import type { HealthReport } from "../routing/breaker.ts";
import { randomBase64Url } from "../security/base64url.ts";
import { gatewayIdentity } from "../security/gateway-identity.ts";
import { type EnrolRequest, type EnrolResponse, nodeStateSchema } from "../tunnel/protocol/messages.ts";
import { FleetStore, type NodeReport, type TokenUse } from "./fleet-store.ts";
import { HealthBoard } from "./health-board.ts";
import { hashJoinToken, JOIN_TOKEN_TTL_MS, newJoinToken } from "./join-token.ts";
import type { FleetNode, FleetSnapshot } from "./snapshot.ts";

const REVOCATION_RETRY_MS = 5_000;

/** An object that does not say within this time whether its node is there leaves it as it was last reported, in ms. */
const PRESENCE_WAIT_MS = 1_000;

/** A refusal's reason is for the operator's log; the caller is told only that it was refused. */
export type EnrolResult =
  | { ok: true; response: EnrolResponse }
  | { ok: false; reason: Exclude<TokenUse, { ok: true }>["reason"] };

/**
 * The authority for nodes and join tokens, one per deployment (`getByName("fleet")`). It lives in its own SQLite,
 * so nodes enrol, connect and are routed to while D1 is down.
 */
export class Fleet extends DurableObject<Env> {
  readonly #store: FleetStore;
  readonly #health = new HealthBoard();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new FleetStore(ctx.storage.sql);
  }

  /** A single-use token; its text exists only in this answer. Times in ms (`expiresAt`: since the epoch). */
  async createJoinToken(options: {
    projects: string[];
    ttlMs?: number;
    createdBy?: string;
  }): Promise<{ token: string; expiresAt: number }> {
    const token = newJoinToken();
    const hash = await hashJoinToken(token);
    const now = Date.now();
    const expiresAt = now + (options.ttlMs ?? JOIN_TOKEN_TTL_MS);
    const createdBy = options.createdBy ?? null;
    this.#store.addToken({ hash, projects: options.projects, now, expiresAt, createdBy });
    return { token, expiresAt };
  }

  /** Consumes the token and makes a node of it. Throws when the node's object cannot be reached; the token stays. */
  async enrol(request: EnrolRequest): Promise<EnrolResult> {
    const hash = await hashJoinToken(request.token);
    const identity = await gatewayIdentity(this.env);
    const nodeId = `node_${randomBase64Url(16)}`;
    const now = Date.now();
    const use = this.#store.useToken({ hash, nodeId, now });
    if (!use.ok) return use;
    const node = { name: request.name, projects: use.projects, publicKey: request.publicKey };
    this.#store.addNode({ id: nodeId, ...node, now });
    try {
      await this.env.NODE_TUNNEL.getByName(nodeId).register({ nodeId, ...node });
    } catch (error) {
      this.#store.undoEnrolment({ hash, nodeId });
      throw error;
    }
    return {
      ok: true,
      response: { nodeId, gatewayKey: identity.publicKey, projects: use.projects },
    };
  }

  /**
   * Takes the node out of the fleet at once and closes its socket; where its object cannot be reached now, an alarm
   * tries again. False when there is no such node.
   */
  async revokeNode(id: string): Promise<boolean> {
    if (!this.#store.revoke(id, Date.now())) return false;
    await this.#carryOutRevocations();
    return true;
  }

  /**
   * For operators: asks the objects of the connected nodes, since a frozen node sends no close and an idle object looks
   * at no heartbeat by itself. Routing takes `snapshot`, which asks nobody.
   */
  async listNodes(): Promise<FleetNode[]> {
    const connected = this.#store.nodes().filter((node) => node.connected);
    const absent = new Set<string>();
    const asked = connected.map(async ({ id }) => {
      if (!(await this.env.NODE_TUNNEL.getByName(id).present())) absent.add(id);
    });
    await Promise.race([Promise.allSettled(asked), scheduler.wait(PRESENCE_WAIT_MS)]);
    return this.#store
      .nodes()
      .map((node) => ({ ...node, connected: node.connected && !absent.has(node.id) }));
  }

  snapshot(): FleetSnapshot {
    return { takenAt: Date.now(), nodes: this.#store.nodes() };
  }

  /** From the node's object: connected, changed its state, disconnected. */
  report(nodeId: string, report: NodeReport): void {
    const state = report.state === null ? null : nodeStateSchema.parse(report.state);
    this.#store.report(nodeId, { ...report, state });
  }

  /** From an isolate: what it found out about backends. Gives what all of them found out. */
  exchangeHealth(reports: HealthReport[]): HealthReport[] {
    return this.#health.exchange(reports, Date.now());
  }

  override async alarm(): Promise<void> {
    await this.#carryOutRevocations();
  }

  async #carryOutRevocations(): Promise<void> {
    for (const id of this.#store.pendingRevocations()) {
      try {
        await this.env.NODE_TUNNEL.getByName(id).revoke();
        this.#store.confirmRevocation(id);
      } catch (error) {
        console.warn(JSON.stringify({ event: "revocation_delayed", nodeId: id, error: String(error) }));
        await this.ctx.storage.setAlarm(Date.now() + REVOCATION_RETRY_MS);
      }
    }
  }
}
