import type { Problem } from "../dialect.ts";
import { decodeText, isTextType } from "../media.ts";
import {
  demandsNoTool,
  type FilePart,
  type ImagePart,
  type InputPart,
  type ModelRequest,
} from "../model-request.ts";
import { placeOf } from "../places.ts";
import { isOpenAiModel, MAX_STOPS } from "./openai-models.ts";

const problem = (param: string, why: string): Problem => ({
  param,
  message: `\`${param}\` ${why}. Leave it out, or choose a model of a provider that has it.`,
});

function isBase64(data: string): boolean {
  try {
    decodeText(data);
    return true;
  } catch {
    return false;
  }
}

function mediaProblem({ type, source }: ImagePart | FilePart): string | null {
  if (type === "image" && source.kind === "file")
    return "names an uploaded image, which the model's backend cannot read";
  if (type === "file" && source.kind === "url")
    return "names a document by URL, which the model's backend cannot read";
  if (type === "file" && source.kind === "base64" && isTextType(source.mediaType) && !isBase64(source.data))
    return "holds a document that is not in base64";
  return null;
}

function inputProblem(part: InputPart): Problem | null {
  const why = part.type === "image" || part.type === "file" ? mediaProblem(part) : null;
  return why === null ? null : problem(placeOf(part) ?? "messages", why);
}

/** What an OpenAI chat backend has no word for; with a model's name, also what OpenAI's own models refuse. */
export function chatProblems(request: ModelRequest, options?: { model: string }): Problem[] {
  const problems: Problem[] = [];
  const own = options !== undefined && isOpenAiModel(options.model);
  // Engines and most compatible servers take it; OpenAI's own API refuses it.
  if (own && request.topK !== null)
    problems.push(problem("top_k", "cannot be honoured by the model's backend, whose API has no such field"));
  if (own && request.stop.length > MAX_STOPS)
    problems.push(problem("stop", `has more than the ${MAX_STOPS} sequences that the model's backend takes`));
  if (demandsNoTool(request)) problems.push(problem("tool_choice", "demands a tool, and there are no tools"));
  for (const message of request.messages) {
    if (message.role !== "user" && message.role !== "tool") continue;
    for (const part of message.content) {
      const found = inputProblem(part);
      if (found !== null) problems.push(found);
    }
  }
  return problems;
}
