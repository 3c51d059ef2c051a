import { charset, endOfRun, isWord, startOfRun } from "./characters.ts";
import { type Found, isOpen, MORE, type View } from "./span.ts";

const SCHEME = charset("A-Za-z0-9+.-");
const MAX_SCHEME = 20;
/** What RFC 3986 allows, without the signs that texts put around a link: quotes, braces, brackets of markup. */
const WRITTEN = charset("A-Za-z0-9._~:/?#\\[\\]@!$&()*+,;=%-");
/** A longer one is found to here, and what follows is read as text. UTF-16 units. */
const MAX_URL = 4_096;

/** Letters of an IRI (RFC 3987); scripts without spaces and their punctuation end it. */
const isAlphabetic = (code: number): boolean => code >= 0xc0 && code < 0x2000;

function endOfLink(text: string, from: number): number {
  let end = endOfRun(text, from, WRITTEN, MAX_URL);
  while (isAlphabetic(text.charCodeAt(end)) && end - from < MAX_URL)
    end = endOfRun(text, end + 1, WRITTEN, MAX_URL - (end + 1 - from));
  return end;
}

/** Where the sentence around the link goes on: its punctuation, and closing brackets that the link did not open. */
function withoutTail(text: string, start: number, end: number): number {
  let depth = 0;
  for (let at = start; at < end; at++) {
    if (text[at] === "(") depth++;
    else if (text[at] === ")") depth--;
  }
  let to = end;
  for (; to > start; to--) {
    const last = text[to - 1] ?? "";
    if (last === ")" && depth < 0) depth++;
    else if (!".,;:!?*_~[]".includes(last)) break;
  }
  return to;
}

function found(view: View, start: number, host: number): Found {
  const end = endOfLink(view.text, host);
  if (isOpen(view, end + 1)) return MORE;
  const to = withoutTail(view.text, host, end);
  return to > host ? { kind: "url", start, end: to } : null;
}

/** Index before which a `://` that is still to come has nothing to claim; `at` is where it would stand. */
export const startOfScheme = (view: View, at: number): number =>
  Math.max(view.from, startOfRun(view.text, at, SCHEME, MAX_SCHEME + 1));

/** An address with a scheme (RFC 3986) whose `://` is at `at`, of whatever scheme: databases' have passwords in them. */
export function findUrl(view: View, at: number): Found {
  const { text } = view;
  if (isOpen(view, at + 4)) return MORE;
  if (!text.startsWith("://", at)) return null;
  let start = startOfScheme(view, at);
  while (start < at && !/[A-Za-z]/.test(text[start] ?? "")) start++;
  if (at - start < 2 || at - start > MAX_SCHEME) return null;
  const host = text.charCodeAt(at + 3);
  const isFile = text.slice(start, at).toLowerCase() === "file";
  if (!isWord(host) && text[at + 3] !== "[" && !(isFile && text[at + 3] === "/")) return null;
  return found(view, start, at + 3);
}

/** An address without a scheme that begins with `www.` at `at`. */
export function findWww(view: View, at: number): Found {
  const { text } = view;
  const host = at + 4;
  if (isOpen(view, host + 1)) return MORE;
  if (!isWord(text.charCodeAt(host))) return null;
  const span = found(view, at, host);
  if (span === null || span === MORE) return span;
  return text.slice(host, span.end).includes(".") ? span : null;
}

const PARTS =
  /^(?<scheme>[a-z][a-z0-9+.-]*:\/\/)?(?:(?<user>[^@/?#]*)@)?(?<host>\[[^\]]*\]|[^:/?#]*)(?<port>:\d+)?(?<path>[^?#]*)(?:\?(?<query>[^#]*))?(?:#(?<fragment>.*))?$/is;

/**
 * An address with the same structure at `example.com` (RFC 2606): scheme, port, names of parameters and file endings stay.
 * Host, steps of the path and values are replaced each for itself, so that addresses of one site still are of one site.
 */
export function urlSurrogate(url: string, draw: (what: string, like: string) => string): string {
  const parts = PARTS.exec(url)?.groups ?? {};
  const part = (text: string): string => {
    const ending = /\.[A-Za-z][A-Za-z0-9]{1,3}$/.exec(text)?.[0] ?? "";
    const stem = text.slice(0, text.length - ending.length).replace(/%[0-9a-f]{2}/gi, "-");
    return draw("part", stem) + ending;
  };
  const host = (parts.host ?? "").replace(/^www\./i, "").toLowerCase();
  const path = (parts.path ?? "").split("/").map(part).join("/");
  const query = parts.query
    ?.split("&")
    .map((pair) => {
      const equals = pair.indexOf("=");
      return equals < 0 ? part(pair) : `${pair.slice(0, equals)}=${draw("part", pair.slice(equals + 1))}`;
    })
    .join("&");
  return [
    parts.scheme ?? "",
    parts.user === undefined ? "" : `user:${draw("user", "xxxx0000")}@`,
    host === ""
      ? ""
      : `${parts.scheme === undefined ? "www." : ""}${draw(`host ${host}`, "xxxxxx")}.example.com`,
    parts.port ?? "",
    path,
    query === undefined ? "" : `?${query}`,
    parts.fragment === undefined ? "" : `#${part(parts.fragment)}`,
  ].join("");
}
