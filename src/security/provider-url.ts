/** IPv4 ranges that are not the public Internet (RFC 6890 and the IANA special-purpose registry), as `[network, bits]`. */
const PRIVATE_V4: readonly (readonly [number, number])[] = [
  [0x00000000, 8], // this network
  [0x0a000000, 8], // private
  [0x64400000, 10], // shared by carriers; Alibaba's metadata stands here
  [0x7f000000, 8], // loopback
  [0xa9fe0000, 16], // link-local; the clouds' metadata stands here
  [0xac100000, 12], // private
  [0xc0000000, 24], // protocol assignments
  [0xc0000200, 24], // documentation
  [0xc0586300, 24], // 6to4 relays
  [0xc0a80000, 16], // private
  [0xc6120000, 15], // benchmarks
  [0xc6336400, 24], // documentation
  [0xcb007100, 24], // documentation
  [0xe0000000, 4], // multicast
  [0xf0000000, 4], // reserved, broadcast
];

/** Azure's metadata and agent: a public address that only its own virtual machines reach. */
const AZURE_WIRE_SERVER = 0xa83f8110;

/** Names that mean a machine, or a network of one's own, wherever they are asked (RFC 6761, 6762, 8375, 9476). */
const PRIVATE_NAME =
  /(^|\.)(localhost|local|internal|intranet|lan|home|corp|private|alt|onion|test|invalid|example|home\.arpa)$/;

export interface ProviderUrlOptions {
  /** As an operator wrote it. */
  url: string;
  /** The gateway runs on its owner's machine: loopback and the own network are reachable, and http there. */
  local: boolean;
}

/**
 * Why a base URL that came over the API is refused; null when calls may be sent there. The threat is a request that the
 * gateway makes where whoever sets the URL could not (SSRF): its own machine, its network, a cloud's metadata. Every
 * notation of an address counts, since the URL parser turns them all into one (WHATWG URL, section 3.5).
 *
 * A public name can still resolve to a private address. A deployed Worker has no network of its own to reach, and
 * `global_fetch_strictly_public` keeps its requests out of the zone's origin.
 */
export function providerUrlProblem({ url, local }: ProviderUrlOptions): string | null {
  if (url.length > 2_048) return "is longer than 2,048 characters";
  if (!URL.canParse(url)) return "is no URL";
  const { protocol, username, password, hostname, search, hash } = new URL(url);
  if (protocol !== "https:" && protocol !== "http:") return "must begin with https://";
  if (username !== "" || password !== "")
    return "must not hold a user name or password; keys have a field of their own";
  if (search !== "" || hash !== "" || /[?#]/.test(url)) return "must not have a query or a fragment";
  const isPrivate = isPrivateHost(hostname);
  if (isPrivate && !local)
    return "names a private, loopback, link-local or metadata address; only a gateway that runs locally may call those";
  if (isMetadata(hostname)) return "names a cloud's metadata address";
  if (protocol === "http:" && !isPrivate)
    return "must begin with https://, since the key would be readable on its way";
  return null;
}

function isPrivateHost(hostname: string): boolean {
  if (hostname.startsWith("[")) return isPrivateV6(hostname.slice(1, -1));
  const name = hostname.replace(/\.+$/, "");
  const v4 = v4Number(name);
  if (v4 !== null) return isPrivateV4(v4);
  return name === "" || !name.includes(".") || PRIVATE_NAME.test(name);
}

function isMetadata(hostname: string): boolean {
  const name = hostname.replace(/\.+$/, "");
  const v4 =
    v4Number(name) ?? (hostname.startsWith("[") ? embeddedV4(v6Groups(hostname.slice(1, -1))) : null);
  const linkLocal = v4 !== null && v4 >>> 16 === 0xa9fe;
  const inV6 = hostname.startsWith("[fd00:ec2:") || hostname.startsWith("[fd20:ce::");
  return linkLocal || v4 === 0x646464c8 || v4 === AZURE_WIRE_SERVER || inV6 || /^metadata(\.|$)/.test(name);
}

/** A dotted address, which is how the URL parser writes all of them. */
function v4Number(name: string): number | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(name)) return null;
  return name.split(".").reduce((value, part) => value * 256 + Number(part), 0);
}

function isPrivateV4(address: number): boolean {
  if (address === AZURE_WIRE_SERVER) return true;
  return PRIVATE_V4.some(([network, bits]) => address >>> (32 - bits) === network >>> (32 - bits));
}

/** The eight groups of an IPv6 address as the URL parser writes it: no dotted part, one `::` at most. */
function v6Groups(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const groups = (text: string) =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const first = groups(head);
  const last = groups(tail ?? "");
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}

/** The IPv4 address inside a mapped (`::ffff:…`), translated (`64:ff9b::…`), 6to4 or compatible IPv6 address. */
function embeddedV4(groups: readonly number[]): number | null {
  const [a = 0, b = 0, c = 0, , , f = 0, g = 0, h = 0] = groups;
  if (a === 0x2002) return ((b << 16) | c) >>> 0;
  const low = ((g << 16) | h) >>> 0;
  if (a === 0x64 && b === 0xff9b) return low;
  return groups.slice(0, 5).every((group) => group === 0) && (f === 0 || f === 0xffff) ? low : null;
}

function isPrivateV6(address: string): boolean {
  const groups = v6Groups(address);
  const [a = 0, b = 0] = groups;
  const v4 = embeddedV4(groups);
  if (v4 !== null) return isPrivateV4(v4);
  // Only 2000::/3 is routed on the Internet; of it, protocol assignments (Teredo among them) and documentation are not.
  if (a >>> 13 !== 1) return true;
  return (a === 0x2001 && (b < 0x200 || b === 0xdb8)) || (a === 0x3fff && b < 0x1000);
}
