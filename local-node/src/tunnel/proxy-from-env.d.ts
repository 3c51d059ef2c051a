declare module "proxy-from-env" {
  /** The proxy for `url` by the usual environment variables; empty for a direct connection. */
  export function getProxyForUrl(url: string): string;
}
