import { z } from "zod";
import { nodeStateSchema } from "../../../src/tunnel/protocol/messages.ts";
import { pauseSchema } from "./pause.ts";
import { vitalsSchema } from "./vitals.ts";

/** What a running daemon answers to `local-node status`. */
export const statusSchema = z.object({
  pid: z.number().int(),
  /** Milliseconds since the epoch. */
  startedAt: z.number(),
  gatewayUrl: z.string(),
  node: z.object({ id: z.string(), name: z.string(), projects: z.array(z.string()) }),
  tunnel: z.object({
    phase: z.enum(["connecting", "connected", "waiting", "draining", "stopped"]),
    activeCalls: z.number(),
    lastError: z.string().nullable(),
  }),
  state: nodeStateSchema,
  /** Null: it serves. */
  paused: pauseSchema.nullable(),
  vitals: vitalsSchema,
});
export type DaemonStatus = z.infer<typeof statusSchema>;
