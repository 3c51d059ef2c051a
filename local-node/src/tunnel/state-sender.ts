import { FRAME, MAX_PAYLOAD_BYTES, ProtocolError } from "../../../src/tunnel/protocol/frames.ts";
import { encodeJsonFrame } from "../../../src/tunnel/protocol/json-payload.ts";
import type { NodeState } from "../../../src/tunnel/protocol/messages.ts";

/** Two state frames are at least this far apart, in ms, so that an idle object at the gateway sleeps. */
export const STATE_INTERVAL_MS = 5_000;

/**
 * A change after a pause waits this long, in ms: a call's begin would otherwise make the gateway's object write a
 * state to disk just while that call waits for its first token, and a short call ends in the state that it began in.
 */
export const STATE_SETTLE_MS = 250;

export interface StateClock {
  now(): number;
  setTimeout(task: () => void, ms: number): ReturnType<typeof setTimeout>;
}

/** Sends the node's state on one connection: the first at once, then only changes that last, at most one in 5 s. */
export class StateSender {
  readonly #state: () => NodeState;
  readonly #send: (frame: Uint8Array) => void;
  readonly #clock: StateClock;
  /** Null: nothing was sent on this connection yet. */
  #lastSent: number | null = null;
  #lastText = "";
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: { state: () => NodeState; send: (frame: Uint8Array) => void; clock: StateClock }) {
    this.#state = options.state;
    this.#send = options.send;
    this.#clock = options.clock;
  }

  /** Something may have changed. */
  changed(): void {
    if (this.#timer !== null) return;
    if (this.#lastSent === null) {
      this.#sendNow();
      return;
    }
    const wait = Math.max(STATE_SETTLE_MS, this.#lastSent + STATE_INTERVAL_MS - this.#clock.now());
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = null;
      this.#sendNow();
    }, wait);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #sendNow(): void {
    const state = this.#state();
    const text = JSON.stringify(state);
    if (text === this.#lastText) return;
    this.#lastText = text;
    this.#lastSent = this.#clock.now();
    this.#send(encodeState(state));
  }
}

/** A state frame; models that do not fit one frame are left out from the end. */
export function encodeState(state: NodeState): Uint8Array {
  let { models } = state;
  for (;;) {
    try {
      return encodeJsonFrame(FRAME.state, 0, { ...state, models });
    } catch (error) {
      if (!(error instanceof ProtocolError) || models.length === 0) throw error;
      models = models.slice(0, Math.floor((models.length * MAX_PAYLOAD_BYTES) / (MAX_PAYLOAD_BYTES + 4096)));
    }
  }
}
