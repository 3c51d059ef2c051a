import { starterEntry } from "../../models/catalogue.ts";
import { type Ask, findIndex } from "../../models/index/find-index.ts";
import { LISTING_ACCEPT } from "../../models/index/listing.ts";
import { ModelError, reasonOf } from "../../models/model-error.ts";
import { type Fetch, probe } from "../../models/network.ts";
import { parseReference } from "../../models/reference.ts";
import { resolveHub } from "../../models/sources/hub.ts";
import type { Check } from "./check.ts";

const TIMEOUT_MS = 5_000;

/** More than this and certificates, tokens and logs begin to disagree. In ms. */
const MAX_SKEW_MS = 30_000;

type Env = Record<string, string | undefined>;

export async function indexCheck(options: { env: Env; fetch: Fetch; ask?: Ask }): Promise<Check> {
  try {
    const index = await findIndex({ env: options.env, ask: options.ask });
    const pypi = starterEntry()
      .sources.map(parseReference)
      .find((source) => source.kind === "pypi");
    const { response } = await probe({
      fetch: options.fetch,
      url: new URL(`${pypi?.package ?? ""}/`, index.url).href,
      headers: {
        accept: LISTING_ACCEPT,
        ...(index.authorization ? { authorization: index.authorization } : {}),
      },
      timeoutMs: TIMEOUT_MS,
    });
    const where = `${new URL(index.url).host} (from ${index.from})`;
    return response.ok
      ? { name: "index", verdict: "ok", text: `${where} answers` }
      : {
          name: "index",
          verdict: "note",
          text: `${where} answers ${response.status} for the starter model; models in packages cannot be fetched from it`,
        };
  } catch (error) {
    return { name: "index", verdict: "note", text: explain(error) };
  }
}

export async function hubCheck(options: { env: Env; fetch: Fetch }): Promise<Check> {
  const reference = starterEntry()
    .sources.map(parseReference)
    .find((source) => source.kind === "hub");
  if (!reference) return { name: "hub", verdict: "note", text: "the starter model has no hub source" };
  try {
    const file = await resolveHub({ ...options, reference, probeMs: TIMEOUT_MS });
    return { name: "hub", verdict: "ok", text: `${new URL(file.url).host} answers` };
  } catch (error) {
    return { name: "hub", verdict: "note", text: explain(error) };
  }
}

export async function gatewayCheck(options: {
  gatewayUrl: string | null;
  fetch: Fetch;
  now: () => number;
}): Promise<Check[]> {
  if (options.gatewayUrl === null) return [];
  const { gatewayUrl } = options;
  try {
    const { response } = await probe({
      fetch: options.fetch,
      url: new URL("/health", gatewayUrl).href,
      timeoutMs: TIMEOUT_MS,
    });
    const reached: Check = response.ok
      ? { name: "gateway", verdict: "ok", text: `${gatewayUrl} answers` }
      : {
          name: "gateway",
          verdict: "bad",
          text: `${gatewayUrl} answers ${response.status} on /health. Is this a Routelet gateway?`,
        };
    return [reached, ...clockCheck(response.headers.get("date"), options.now())];
  } catch (error) {
    return [{ name: "gateway", verdict: "bad", text: explain(error) }];
  }
}

/** The `Date` header has whole seconds. */
function clockCheck(date: string | null, now: number): Check[] {
  const theirs = Date.parse(date ?? "");
  if (Number.isNaN(theirs)) return [];
  const skew = now - theirs;
  return Math.abs(skew) <= MAX_SKEW_MS
    ? [{ name: "clock", verdict: "ok", text: "agrees with the gateway's" }]
    : [
        {
          name: "clock",
          verdict: "bad",
          text: `is ${Math.round(Math.abs(skew) / 1000)} s ${skew > 0 ? "ahead of" : "behind"} the gateway's. Let this machine set its clock from the network (Linux: sudo timedatectl set-ntp true).`,
        },
      ];
}

function explain(error: unknown): string {
  return error instanceof ModelError ? error.message : reasonOf(error);
}
