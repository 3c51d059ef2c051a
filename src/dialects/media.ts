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

/** Whether a document's bytes are text that every model can read as it stands. */
export const isTextType = (mediaType: string): boolean =>
  mediaType.startsWith("text/") || /^application\/(json|xml|yaml|x-ndjson)$/.test(mediaType);

/** Base64 of UTF-8 as text; what is no UTF-8 shows its replacement characters, as any reader of a text would see them. */
export function decodeText(data: string): string {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}
