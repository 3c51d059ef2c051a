import { COMPACTION, ROUTE_FAMILIES, type RouteFamily } from "../../backends/providers/routes.ts";
import { RouteletError } from "../../errors.ts";

/** A request for one of OpenAI's endpoints that pass through. */
export interface PassedPath {
  family: RouteFamily;
  /** After the provider's base URL, with the query. */
  path: string;
  /** Without ids and query, for the ledger and the trace: `/v1/files/{id}/content`. */
  endpoint: string;
}

/** The words in paths of those endpoints (OpenAI API reference); all other segments are ids. */
const WORDS = new Set<string>([
  ...ROUTE_FAMILIES,
  ...["speech", "transcriptions", "translations", "voices", "voice_consents"],
  ...["generations", "edits", "variations", "remix", "characters", "extensions"],
  ...["content", "parts", "complete", "cancel", "pause", "resume", "search", "events"],
  ...["jobs", "checkpoints", "permissions", "alpha", "graders", "run", "validate"],
  ...["file_batches", "runs", "output_items"],
]);

const PREFIX = "/v1/";

const COMPACT = "/v1/responses/compact";

/** Slashes that a server might decode: the path could then leave its family, or the provider's base URL. */
const HIDDEN_SLASH = /%2f|%5c|\\/i;

/**
 * Reads a path; null when it is of no family.
 *
 * @throws RouteletError `invalid_path`.
 */
export function passedPath({ pathname, search }: URL): PassedPath | null {
  if (pathname === COMPACT)
    return { family: COMPACTION, path: `/responses/compact${search}`, endpoint: COMPACT };
  if (!pathname.startsWith(PREFIX)) return null;
  const segments = pathname.slice(PREFIX.length).split("/");
  const family = ROUTE_FAMILIES.find((name) => name === segments[0]);
  if (family === undefined) return null;
  if (HIDDEN_SLASH.test(pathname)) {
    throw new RouteletError({
      kind: "invalid_request",
      code: "invalid_path",
      message: "A slash in an id cannot be passed on: the path would mean something else at the provider.",
    });
  }
  const named = segments.map((segment) => (segment === "" || WORDS.has(segment) ? segment : "{id}"));
  return { family, path: `/${segments.join("/")}${search}`, endpoint: PREFIX + named.join("/") };
}
