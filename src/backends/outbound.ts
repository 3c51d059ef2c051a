import type { Env } from "../env.ts";

/**
 * How the gateway reaches the world. A local start binds the network itself (`NETWORK`): workerd's own `fetch` leads
 * there through a Worker of the development server, which costs each call a tenth of a millisecond and tells every
 * provider the header `cf-worker`. Deployed, and behind a proxy, it is the runtime's `fetch`.
 */
export function outboundFetch({ NETWORK }: Pick<Env, "NETWORK">): typeof fetch {
  if (NETWORK === undefined) return (...args) => fetch(...args);
  return (...args) => NETWORK.fetch(...args);
}
