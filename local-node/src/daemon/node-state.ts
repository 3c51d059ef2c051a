import type { NodeState, ServedModel } from "../../../src/tunnel/protocol/messages.ts";
import { asNodeHardware, type Hardware } from "../hardware/hardware.ts";
import type { Load } from "../serve/serve.ts";
import { VERSION } from "./version.ts";

/** What the gateway is told of this node. */
export function nodeState(options: {
  models: ServedModel[];
  load: Load;
  hardware: Hardware;
  draining: boolean;
  paused: boolean;
}): NodeState {
  return {
    version: VERSION,
    models: options.models.slice(0, 256),
    slots: options.load,
    hardware: asNodeHardware(options.hardware),
    // A gateway of an earlier version knows no pause; draining keeps its calls away as well.
    draining: options.draining || options.paused,
    paused: options.paused,
  };
}
