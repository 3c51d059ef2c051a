import type { NodeState } from "../tunnel/protocol/messages.ts";

/** A node as routing sees it: plain data, copied out of the `Fleet` object. */
export interface FleetNode {
  id: string;
  name: string;
  /** A node serves only the projects that it was joined to. */
  projects: string[];
  connected: boolean;
  /** Milliseconds since the epoch of the last report. */
  lastSeenAt: number;
  /** What the node last said of itself; null until it has connected once. */
  state: NodeState | null;
}

export interface FleetSnapshot {
  /** Milliseconds since the epoch. */
  takenAt: number;
  nodes: FleetNode[];
}
