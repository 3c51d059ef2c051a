import type { Problem } from "../dialect.ts";
import { isTextType } from "../media.ts";
import { demandsNoTool, type InputPart, type Message, type ModelRequest } from "../model-request.ts";
import { placeOf } from "../places.ts";
import { type ModelProfile, modelProfile } from "./model-profile.ts";
import { planFormat } from "./plan-format.ts";
import { isProblem, planThinking, type ThinkingPlan } from "./plan-thinking.ts";
import { saysSomething } from "./render-content.ts";
import { maxTokensOf, TIERS } from "./render-request.ts";

const problem = (param: string, why: string): Problem => ({
  param,
  message: `\`${param}\` ${why}. Leave it out, or choose a model of a provider that has it.`,
});

const NO_WORD = "cannot be honoured by the model's backend, whose API has no such field";

/** Fields without a word in this dialect, each with what it is called where it came from. */
const WORDLESS: readonly (readonly [string, (request: ModelRequest) => boolean])[] = [
  ["n", ({ n }) => (n ?? 1) > 1],
  ["logprobs", ({ logprobs, topLogprobs }) => logprobs || (topLogprobs ?? 0) > 0],
  ["logit_bias", ({ logitBias }) => Object.keys(logitBias ?? {}).length > 0],
  ["presence_penalty", ({ presencePenalty }) => (presencePenalty ?? 0) !== 0],
  ["frequency_penalty", ({ frequencyPenalty }) => (frequencyPenalty ?? 0) !== 0],
  ["seed", ({ seed }) => seed !== null],
  ["prediction", ({ prediction }) => prediction != null],
  // `medium` is how OpenAI's models write unasked.
  ["verbosity", ({ verbosity }) => verbosity !== null && verbosity !== "medium"],
  ["service_tier", ({ serviceTier }) => serviceTier !== null && !Object.hasOwn(TIERS, serviceTier)],
];

function partProblem(part: InputPart): Problem | null {
  const place = placeOf(part) ?? "messages";
  if (part.type === "audio") return problem(place, "has audio, which the model's backend cannot hear");
  if (part.type === "text" || part.source.kind === "text" || part.source.kind === "url") return null;
  if (part.source.kind === "file")
    return problem(place, "names an uploaded file, which only the provider that has it can read");
  const { mediaType } = part.source;
  if (part.type === "image" || mediaType === "application/pdf" || isTextType(mediaType)) return null;
  return problem(
    place,
    `has a file of the type ${mediaType}, of which the model's backend reads PDF and text`,
  );
}

function contentProblems(request: ModelRequest): Problem[] {
  return request.messages.flatMap((message) =>
    message.role === "user" || message.role === "tool"
      ? message.content.map(partProblem).filter((found) => found !== null)
      : [],
  );
}

/** Of nothing but blanks no turn is made. */
const saysNothing = (message: Message): boolean =>
  message.role !== "tool" &&
  message.content.every(
    (part) =>
      part.type === "reasoning" ||
      ((part.type === "text" || part.type === "refusal") && !saysSomething(part.text)),
  );

/** What no model of this dialect has. */
function dialectProblems(request: ModelRequest): Problem[] {
  const problems = WORDLESS.filter(([, asked]) => asked(request)).map(([param]) => problem(param, NO_WORD));
  if ((request.temperature ?? 0) > 1)
    problems.push({
      param: "temperature",
      message: "`temperature` goes from 0 to 1 at the model's backend. Send at most 1.",
    });
  if (request.stop.some((stop) => !saysSomething(stop)))
    problems.push({
      param: "stop",
      message: "The model's backend takes no `stop` of blanks alone. Send one with a visible character.",
    });
  if (request.messages.every(saysNothing))
    problems.push({
      param: "messages",
      message:
        "`messages` says nothing but blanks, which the model's backend does not take. Send a message with text.",
    });
  if (demandsNoTool(request)) problems.push(problem("tool_choice", "demands a tool, and there are no tools"));
  return [...problems, ...contentProblems(request)];
}

const isDefault = (value: number | null): boolean => value === null || value === 1;

function samplingProblems(request: ModelRequest, profile: ModelProfile, thinks: boolean): Problem[] {
  const { temperature, topP, topK } = request;
  const problems: Problem[] = [];
  if (profile.sampling === "none") {
    const why = "cannot be set for this model, which chooses its own";
    if (!isDefault(temperature)) problems.push(problem("temperature", why));
    if (!isDefault(topP)) problems.push(problem("top_p", why));
    if (topK !== null) problems.push(problem("top_k", why));
    return problems;
  }
  if (profile.sampling === "one" && !isDefault(temperature) && !isDefault(topP))
    problems.push(problem("top_p", "cannot be set together with `temperature` for this model"));
  if (thinks) {
    const why = "cannot be set while the model is asked to think";
    if (!isDefault(temperature)) problems.push(problem("temperature", why));
    if (topP !== null && topP < 0.95) problems.push(problem("top_p", `below 0.95 ${why}`));
    if (topK !== null) problems.push(problem("top_k", why));
  }
  return problems;
}

/** Whether the last turn is the assistant's own words, which the model is to go on with. */
function endsInPrefill(request: ModelRequest): boolean {
  const last = request.messages.at(-1);
  return (
    last?.role === "assistant" &&
    last.content.some((part) => (part.type === "text" || part.type === "refusal") && saysSomething(part.text))
  );
}

const forcesTools = ({ toolChoice, tools }: ModelRequest): boolean =>
  tools.length > 0 &&
  (toolChoice?.type === "required" ||
    toolChoice?.type === "tool" ||
    (toolChoice?.type === "allowed" && toolChoice.mode === "required"));

function modelProblems(request: ModelRequest, profile: ModelProfile): Problem[] {
  const planned = planThinking(request, { profile, maxTokens: maxTokensOf(request, profile) });
  const problems: Problem[] = isProblem(planned) ? [planned] : [];
  const thinks = !isProblem(planned) && (planned satisfies ThinkingPlan).on;
  problems.push(...samplingProblems(request, profile, thinks));
  const format = planFormat(request, { profile, thinks });
  if (isProblem(format)) problems.push(format);
  if (forcesTools(request) && !profile.forcedTools)
    problems.push(problem("tool_choice", "cannot force a tool for this model; it takes auto and none"));
  if (forcesTools(request) && thinks)
    problems.push(problem("tool_choice", "cannot force a tool while the model is asked to think"));
  if (endsInPrefill(request) && !profile.prefill)
    problems.push({
      param: "messages",
      message:
        "`messages` ends with the assistant's own words, which this model does not go on with. End with a user's message.",
    });
  return problems;
}

/** What of a request a backend of this dialect cannot honour, and this model where it is known. */
export function messagesProblems(request: ModelRequest, options?: { model: string }): Problem[] {
  const problems = dialectProblems(request);
  return options === undefined
    ? problems
    : [...problems, ...modelProblems(request, modelProfile(options.model))];
}
