import type { TunnelEvent } from "../tunnel/open-tunnel.ts";
import type { Fields, Level } from "./log.ts";

/** A tunnel's event as a line of the log. */
export function describeTunnelEvent(event: TunnelEvent): { level: Level; message: string; fields?: Fields } {
  switch (event.type) {
    case "connected":
      return {
        level: "info",
        message: "Connected to the gateway.",
        fields: { generation: event.generation },
      };
    case "disconnected":
      return {
        level: event.code === 1000 ? "info" : "warn",
        message: `The connection to the gateway ended (${event.code}).`,
        fields: { code: event.code },
      };
    case "retrying":
      return {
        level: "warn",
        message: `${event.message} Trying again in ${Math.ceil(event.delayMs / 1000)} s.`.trim(),
        fields: { delayMs: Math.round(event.delayMs) },
      };
    case "untrusted":
      return { level: "error", message: event.message };
    case "rotated":
      return { level: "info", message: event.message };
    case "go_away":
      return {
        level: "info",
        message: `The gateway ends this connection (${event.reason}).`,
        fields: { drainMs: event.drainMs },
      };
    case "error":
      return {
        level: "error",
        message: `The tunnel failed: ${event.error instanceof Error ? event.error.message : String(event.error)}`,
      };
    case "stopped":
      return {
        level: event.reason === "closed" ? "info" : "error",
        message: event.message,
        fields: { reason: event.reason },
      };
  }
}
