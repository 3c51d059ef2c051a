import { RouteletError } from "../../errors.ts";

/** What a listed model is known by, whatever the dialect. */
export interface ListedModel {
  id: string;
  /** Seconds since the epoch. */
  created: number;
}

/** Anthropic's model object ("Models" in its API reference). */
export interface AnthropicModel {
  type: "model";
  id: string;
  display_name: string;
  /** RFC 3339; the epoch where it is not known, as Anthropic's reference has it. */
  created_at: string;
}

export function anthropicModel({ id, created }: ListedModel): AnthropicModel {
  const created_at = new Date(created * 1_000).toISOString().replace(".000Z", "Z");
  return { type: "model", id, display_name: id, created_at };
}

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1_000;

function invalid(param: string, message: string): RouteletError {
  return new RouteletError({ kind: "invalid_request", code: "invalid_value", message, param });
}

function limitOf(query: URLSearchParams): number {
  const limit = Number(query.get("limit") ?? DEFAULT_LIMIT);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw invalid("limit", `\`limit\` must be a whole number from 1 to ${MAX_LIMIT}.`);
}

function indexOf(list: readonly ListedModel[], query: URLSearchParams, param: string): number | null {
  const id = query.get(param);
  if (id === null) return null;
  const at = list.findIndex((model) => model.id === id);
  if (at < 0) throw invalid(param, `\`${param}\` names no model of the list.`);
  return at;
}

/**
 * One page of the list ("List Models"): after a model, or the last ones before it.
 *
 * @throws RouteletError `invalid_value`.
 */
export function anthropicModelPage(
  list: readonly ListedModel[],
  query: URLSearchParams,
): { data: AnthropicModel[]; has_more: boolean; first_id: string | null; last_id: string | null } {
  const limit = limitOf(query);
  const after = indexOf(list, query, "after_id");
  const before = indexOf(list, query, "before_id");
  const rest = list.slice(after === null ? 0 : after + 1, before ?? undefined);
  const page = before === null ? rest.slice(0, limit) : rest.slice(-limit);
  return {
    data: page.map(anthropicModel),
    has_more: rest.length > page.length,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}
