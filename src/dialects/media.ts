import type { MediaSource } from "./model-request.ts";

const DATA_URL = /^data:([^;,]+)?((?:;[^;,]+)*?)(;base64)?,/i;

/** An image's or file's URL as its source: a `data:` URL in base64 becomes the bytes that it holds (RFC 2397). */
export function mediaFromUrl(url: string): MediaSource {
  const match = DATA_URL.exec(url);
  if (match === null || match[3] === undefined) return { kind: "url", url };
  return {
    kind: "base64",
    mediaType: match[1] ?? "text/plain",
    data: url.slice(match[0].length),
  };
}
