export { Fleet } from "./fleet/fleet.ts";
export { Ledger } from "./ledger/ledger.ts";
export { NodeTunnel } from "./tunnel/node-tunnel.ts";

export default {
  async fetch(): Promise<Response> {
    return new Response("starting", { status: 503 });
  },
} satisfies ExportedHandler;
