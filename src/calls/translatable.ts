import { providerNamed } from "../backends/providers/registry.ts";
import type { Call, Needs } from "../dialects/call.ts";
import type { Problem } from "../dialects/dialect.ts";
import { backendDialect } from "../dialects/registry.ts";
import { RouteletError } from "../errors.ts";
import type { Plan, PlannedAttempt } from "../routing/plan.ts";
import type { StoredProvider } from "../settings/providers.ts";
import type { Settings } from "../settings.ts";
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

/** What stands at a path such as `tools[1].tools[0]`, in its own words: `web_search`; null where it has none. */
function kindAt(text: string, path: string): string | null {
  let value: unknown = JSON.parse(text);
  for (const key of path.match(/[^.[\]]+/g) ?? [])
    value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"
    ? value.type
    : null;
}

/** A path with the kind of what stands there: `tools[0] (web_search)`. */
function withKind(text: string, path: string): string {
  const kind = kindAt(text, path);
  return kind === null ? path : `${path} (${kind})`;
}

/** What an attempt's backend makes of a call: it can honour it, or all but its hosted tools, or not. */
type Verdict = { omits: readonly string[] } | { problem: Problem };

function verdictOn(call: Call, attempt: PlannedAttempt, set: readonly StoredProvider[]): Verdict {
  const lacking = attempt.kind === "cloud" ? lackingNeed(call, attempt.provider, set) : null;
  if (lacking !== null) return { problem: inCallersWords(lacking, call.dialect) };
  if (attempt.speaks === call.dialect) return { omits: [] };
  const request = call.request?.();
  const backend = backendDialect(attempt.speaks);
  if (request === undefined || backend === null) {
    return {
      problem: {
        param: "model",
        message: `The backend of \`${attempt.model}\` does not serve ${call.dialect} requests, and they cannot be translated. Choose a model of a provider that does.`,
      },
    };
  }
  const [field] = request.nativeOnly;
  if (field !== undefined) return { problem: notHonoured(call, attempt, field) };
  const [problem] = backend.problems(request, { model: attempt.model });
  return problem === undefined
    ? { omits: request.hosted }
    : { problem: inCallersWords(problem, call.dialect) };
}

function notHonoured(call: Call, attempt: PlannedAttempt, field: string): Problem {
  const kind = kindAt(call.text, field);
  return {
    param: field,
    message: `\`${field}\`${kind === null ? "" : ` (${kind})`} cannot be honoured by the backend of \`${attempt.model}\`: only one that speaks ${call.dialect} itself can. Leave it out, or choose a model of such a provider.`,
  };
}

/** More paths than this are counted, not told: they go into a header. */
const MAX_TOLD = 16;

/** What is left out, as a header can say it. */
function told(text: string, paths: readonly string[]): string[] {
  const ascii = (words: string) => words.replace(/[^\x20-\x7e]/g, "?").slice(0, 100);
  const first = paths.slice(0, MAX_TOLD).map((path) => ascii(withKind(text, path)));
  return paths.length > MAX_TOLD ? [...first, `and ${paths.length - MAX_TOLD} more`] : first;
}

/**
 * The plan without the attempts whose backend would have to drop a field of the request (wire trap 25): such a call
 * goes to a backend that can honour it, or is refused by the field's name. Only hosted tools may be left out, where the
 * settings say so and no backend of the plan has them.
 *
 * @throws what the call's translation throws: a request that has no internal form.
 */
export function honourable(
  plan: Plan,
  call: Call,
  /** Of the project, for this call. */
  settings: Pick<Settings, "providers" | "hostedTools">,
): Plan | RouteletError {
  const found = plan.attempts.map((attempt) => ({
    attempt,
    verdict: verdictOn(call, attempt, settings.providers),
  }));
  const able = found.filter(({ verdict }) => "omits" in verdict && verdict.omits.length === 0);
  if (able.length === plan.attempts.length) return plan;
  if (able.length > 0) return { ...plan, attempts: able.map(({ attempt }) => attempt) };
  const lacking = found.flatMap(({ attempt, verdict }) =>
    "omits" in verdict ? [{ ...attempt, omits: told(call.text, verdict.omits) }] : [],
  );
  if (lacking.length > 0 && settings.hostedTools === "omit") return { ...plan, attempts: lacking };
  const problem = found.flatMap(({ attempt, verdict }) =>
    "omits" in verdict ? notHonoured(call, attempt, verdict.omits[0] ?? "") : verdict.problem,
  )[0];
  return new RouteletError({
    kind: "invalid_request",
    code: "unsupported_parameter",
    message: problem?.message ?? "No backend can honour this request.",
    param: problem?.param,
  });
}
