import { providerNamed } from "../backends/providers/registry.ts";
import type { Call, Needs } from "../dialects/call.ts";
import type { Problem } from "../dialects/dialect.ts";
import { backendDialect } from "../dialects/registry.ts";
import { RouteletError } from "../errors.ts";
import type { Plan, PlannedAttempt } from "../routing/plan.ts";
import type { StoredProvider } from "../settings/providers.ts";
import { inCallersWords } from "./callers-words.ts";

/** A need as callers write it in a request. */
const FIELD_OF: Partial<Record<keyof Needs, string>> = {
  logprobs: "logprobs",
  logitBias: "logit_bias",
  multipleChoices: "n",
  jsonSchema: "response_format",
  jsonObject: "response_format",
  penalties: "frequency_penalty",
};

/** What a provider is documented not to honour, of what the call needs. */
function lackingNeed(call: Call, provider: string, set: readonly StoredProvider[]): Problem | null {
  const lacks = providerNamed(provider, set)?.lacks ?? [];
  const need = lacks.find((name) => call.needs[name]);
  if (need === undefined) return null;
  const param = FIELD_OF[need] ?? need;
  return {
    param,
    message: `\`${param}\` cannot be honoured by ${provider}. Leave it out, or choose a model of a provider that can.`,
  };
}

/** What stands at a path such as `tools[1].tools[0]`, in its own words: `web_search`; empty where it has none. */
function kindAt(text: string, path: string): string {
  let value: unknown = JSON.parse(text);
  for (const key of path.match(/[^.[\]]+/g) ?? [])
    value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"
    ? ` (${value.type})`
    : "";
}

/** Why an attempt's backend could not honour the call as it was asked; null when it can. */
function problemOf(call: Call, attempt: PlannedAttempt, set: readonly StoredProvider[]): Problem | null {
  const lacking = attempt.kind === "cloud" ? lackingNeed(call, attempt.provider, set) : null;
  if (lacking !== null) return inCallersWords(lacking, call.dialect);
  if (attempt.speaks === call.dialect) return null;
  const request = call.request?.();
  const backend = backendDialect(attempt.speaks);
  if (request === undefined || backend === null) {
    return {
      param: "model",
      message: `The backend of \`${attempt.model}\` does not serve ${call.dialect} requests, and they cannot be translated. Choose a model of a provider that does.`,
    };
  }
  const [field] = request.nativeOnly;
  if (field !== undefined) {
    return {
      param: field,
      message: `\`${field}\`${kindAt(call.text, field)} cannot be honoured by the backend of \`${attempt.model}\`: only one that speaks ${call.dialect} itself can. Leave it out, or choose a model of such a provider.`,
    };
  }
  const [problem] = backend.problems(request, { model: attempt.model });
  return problem === undefined ? null : inCallersWords(problem, call.dialect);
}

/**
 * The plan without the attempts whose backend would have to drop a field of the request (wire trap 25): such a call
 * goes to a backend that can honour it, or is refused by the field's name.
 *
 * @throws what the call's translation throws: a request that has no internal form.
 */
export function honourable(
  plan: Plan,
  call: Call,
  /** The project's settings of providers. */
  set: readonly StoredProvider[],
): Plan | RouteletError {
  const found = plan.attempts.map((attempt) => ({ attempt, problem: problemOf(call, attempt, set) }));
  const able = found.filter(({ problem }) => problem === null).map(({ attempt }) => attempt);
  if (able.length === plan.attempts.length) return plan;
  if (able.length > 0) return { ...plan, attempts: able };
  const problem = found.find(({ problem }) => problem !== null)?.problem;
  return new RouteletError({
    kind: "invalid_request",
    code: "unsupported_parameter",
    message: problem?.message ?? "No backend can honour this request.",
    param: problem?.param,
  });
}
