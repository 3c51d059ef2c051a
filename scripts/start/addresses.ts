import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";

export interface Addresses {
  /** Where this machine reaches the gateway. */
  local: string;
  /** Where others do; empty on loopback. */
  outside: string[];
}

/** `HOST` as people write it, turned into URLs. */
export function addressesOf(options: { host: string; port: number }): Addresses {
  const { host, port } = options;
  const at = (address: string): string => `http://${isIPv6(address) ? `[${address}]` : address}:${port}`;
  if (host === "localhost" || host === "::1" || host.startsWith("127."))
    return { local: at(host), outside: [] };
  if (host !== "0.0.0.0" && host !== "::") return { local: at(host), outside: [at(host)] };
  const external = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((entry) => !entry.internal && entry.family === "IPv4")
    .map((entry) => at(entry.address));
  return { local: at("127.0.0.1"), outside: external.length > 0 ? external : [at(host)] };
}
