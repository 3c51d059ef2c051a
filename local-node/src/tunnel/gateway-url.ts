import { BlockList, isIP } from "node:net";

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** RFC 1918, RFC 3927, RFC 4193 and RFC 4291 link-local: networks that the internet does not route. */
const PRIVATE = new BlockList();
PRIVATE.addSubnet("10.0.0.0", 8, "ipv4");
PRIVATE.addSubnet("172.16.0.0", 12, "ipv4");
PRIVATE.addSubnet("192.168.0.0", 16, "ipv4");
PRIVATE.addSubnet("169.254.0.0", 16, "ipv4");
PRIVATE.addSubnet("fc00::", 7, "ipv6");
PRIVATE.addSubnet("fe80::", 10, "ipv6");

export class InsecureGatewayError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "InsecureGatewayError";
  }
}

/**
 * The gateway's origin. Without TLS the join token and every call would travel readable, so `http://` is accepted
 * only on loopback, and with `allowInsecureLan` for literal addresses of a private network (a name could be made to
 * point anywhere).
 *
 * @throws InsecureGatewayError with what to do instead.
 */
export function checkGatewayUrl(gatewayUrl: string, options: { allowInsecureLan: boolean }): URL {
  if (!URL.canParse(gatewayUrl)) throw new InsecureGatewayError(`${gatewayUrl} is not a URL.`);
  const url = new URL(gatewayUrl);
  if (url.username !== "" || url.password !== "") {
    throw new InsecureGatewayError("The gateway's URL must not contain a user name or password.");
  }
  if (url.protocol === "https:") return new URL(url.origin);
  if (url.protocol !== "http:") {
    throw new InsecureGatewayError(`The gateway's URL must begin with https://, not ${url.protocol}//.`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (host === "localhost" || matches(LOOPBACK, host)) return new URL(url.origin);
  if (options.allowInsecureLan && matches(PRIVATE, host)) return new URL(url.origin);
  throw new InsecureGatewayError(
    `${url.origin} is not encrypted. Use https://, or allow insecure connections to a private address of your own network.`,
  );
}

function matches(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 6 ? "ipv6" : "ipv4");
}
