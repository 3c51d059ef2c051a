import type { NodeState } from "../../../src/tunnel/protocol/messages.ts";
import type { Engine } from "../engines/engine.ts";
import { asNodeHardware, type Hardware } from "../hardware/hardware.ts";
import type { Load } from "../serve/serve.ts";
import { VERSION } from "./version.ts";

/** What the gateway is told of this node. */
export function nodeState(options: {
  engines: readonly Engine[];
  load: Load;
  hardware: Hardware;
  draining: boolean;
}): NodeState {
  return {
    version: VERSION,
    models: options.engines.flatMap((engine) => engine.models()).slice(0, 256),
    slots: options.load,
    hardware: asNodeHardware(options.hardware),
    draining: options.draining,
  };
}
