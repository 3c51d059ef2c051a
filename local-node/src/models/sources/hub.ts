import { z } from "zod";
import { ModelError } from "../model-error.ts";
import { type Fetch, probe } from "../network.ts";
import { type ModelReference, quantisationFromFileName } from "../reference.ts";
import type { RemoteFile } from "./remote-file.ts";

const DEFAULT_ENDPOINT = "https://huggingface.co";

/** Preferred when the reference names no quantisation, best compromise first. */
const PREFERRED = ["Q4_K_M", "Q4_K_S", "Q4_0", "Q5_K_M", "Q8_0"];

const treeSchema = z.array(
  z.object({
    type: z.string(),
    path: z.string(),
    size: z.number().nonnegative(),
    lfs: z.object({ oid: z.string(), size: z.number().nonnegative() }).optional(),
  }),
);
type Tree = z.infer<typeof treeSchema>;

/**
 * Finds a GGUF file in a repository of the hub (`HF_ENDPOINT`, `HF_TOKEN`) by its listing, whose LFS object id
 * is the file's SHA-256.
 */
export async function resolveHub(options: {
  reference: Extract<ModelReference, { kind: "hub" }>;
  env: Record<string, string | undefined>;
  fetch: Fetch;
  probeMs: number;
  signal?: AbortSignal;
}): Promise<RemoteFile> {
  const { owner, repository, quantisation } = options.reference;
  const endpoint = (options.env.HF_ENDPOINT || DEFAULT_ENDPOINT).replace(/\/+$/, "");
  const token = options.env.HF_TOKEN;
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const name = `${owner}/${repository}`;

  const tree: Tree = [];
  let next: string | null = `${endpoint}/api/models/${name}/tree/main?recursive=true`;
  for (let page = 0; next !== null && page < 20; page++) {
    const { response, text, url } = await probe({
      fetch: options.fetch,
      url: next,
      headers: { accept: "application/json", ...headers },
      signal: options.signal,
      timeoutMs: options.probeMs,
    });
    refuseFailure(response.status, name, new URL(endpoint).host, token !== undefined && token !== "");
    tree.push(...parseTree(text, url));
    next = nextPage(response.headers.get("link"), url);
  }
  const file = chooseFile(tree, quantisation, name);
  return {
    url: `${endpoint}/${name}/resolve/main/${file.path.split("/").map(encodeURIComponent).join("/")}`,
    headers,
    bytes: file.lfs?.size ?? file.size,
    sha256: file.lfs?.oid.replace(/^sha256:/, "").toLowerCase() ?? null,
    fileName: file.path.split("/").pop() ?? file.path,
    container: "none",
  };
}

function refuseFailure(status: number, name: string, host: string, withToken: boolean): void {
  if (status >= 200 && status < 300) return;
  if (status === 401 || status === 403) {
    throw new ModelError(
      "forbidden",
      withToken
        ? `${host} refuses ${name} with this HF_TOKEN (${status}). Accept the model's licence there, or check the name.`
        : `${host} does not show ${name} (${status}): it does not exist or needs a login. Check the name or set HF_TOKEN.`,
    );
  }
  if (status === 404) throw new ModelError("not_found", `${host} has no repository ${name}. Check the name.`);
  throw new ModelError("unreachable", `${host} answered ${status} for ${name}. Try again later.`);
}

function parseTree(text: string, url: string): Tree {
  try {
    return treeSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new ModelError(
      "unreachable",
      `${new URL(url).host} did not answer like a model hub. Check HF_ENDPOINT.`,
      error,
    );
  }
}

function nextPage(link: string | null, base: string): string | null {
  const target = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? "")?.[1];
  if (!target) return null;
  const url = new URL(target, base);
  return url.origin === new URL(base).origin ? url.href : null;
}

function chooseFile(tree: Tree, quantisation: string | null, name: string): Tree[number] {
  const files = tree.filter(
    (entry) => entry.type === "file" && /\.gguf$/i.test(entry.path) && !/mmproj|imatrix/i.test(entry.path),
  );
  const quantOf = (entry: Tree[number]) =>
    quantisationFromFileName(entry.path.replace(/-\d{5}-of-\d{5}(?=\.gguf$)/i, ""));
  const whole = files.filter((entry) => !/-\d{5}-of-\d{5}\.gguf$/i.test(entry.path));
  if (quantisation) {
    const wanted = quantisation.toUpperCase();
    const found = whole.find((entry) => quantOf(entry) === wanted);
    if (found) return found;
    if (files.some((entry) => quantOf(entry) === wanted)) {
      throw new ModelError(
        "not_found",
        `${name} holds ${wanted} only in several parts, which are not supported. Choose another quantisation.`,
      );
    }
    const offered = [...new Set(whole.map(quantOf))].filter((quant) => quant !== null).join(", ");
    throw new ModelError(
      "not_found",
      `${name} has no GGUF file of quantisation ${wanted}${offered ? `; it has ${offered}` : ""}.`,
    );
  }
  for (const wanted of PREFERRED) {
    const found = whole.find((entry) => quantOf(entry) === wanted);
    if (found) return found;
  }
  const [only, ...more] = whole;
  if (only && more.length === 0) return only;
  throw new ModelError(
    "not_found",
    `${name} has ${whole.length} GGUF files; name one by its quantisation: hf:${name}:<quant>.`,
  );
}
