import { renameTopLevelField, setTopLevelField } from "../json-splice.ts";
import { isOpenAiModel } from "../openai-chat/openai-models.ts";
import { isOwnReasoning, OWN_REASONING } from "./reasoning-token.ts";
import type { ResponsesRequest } from "./request-schema.ts";

const ENCRYPTED = "reasoning.encrypted_content";

/** Models of OpenAI's that do not reason; they refuse to be asked for encrypted content. */
const DOES_NOT_REASON = /^(ft:)?(gpt-[34]|chatgpt-|gpt-5[\d.]*-chat)/;

/**
 * What a model thought can be sent back only encrypted where its provider stores nothing. The client that lets the
 * gateway store does not ask for it, so the gateway does.
 */
function needsEncrypted(model: string, { store, include }: ResponsesRequest): boolean {
  if (store === false || include?.includes(ENCRYPTED)) return false;
  return isOpenAiModel(model) && !DOES_NOT_REASON.test(model);
}

/** What another backend thought means nothing to a provider, and is refused there (wire trap 15). */
function withoutForeignReasoning(text: string): string {
  if (!OWN_REASONING.test(text)) return text;
  const { input } = JSON.parse(text) as { input?: unknown };
  if (!Array.isArray(input)) return text;
  return setTopLevelField(
    text,
    "input",
    input.filter((item: unknown) => !isOwnReasoning(item)),
  );
}

/**
 * The body for a provider that speaks the dialect itself. The gateway keeps responses, continues them, and makes them in the
 * background: the provider does none of it. All else is the caller's.
 */
export function responsesPassBody(options: {
  text: string;
  request: ResponsesRequest;
  model: string;
}): string {
  const { request, model } = options;
  let text = setTopLevelField(withoutForeignReasoning(options.text), "model", model);
  if (needsEncrypted(model, request))
    text = setTopLevelField(text, "include", [...(request.include ?? []), ENCRYPTED]);
  if (request.background === true) text = renameTopLevelField(text, "background", null);
  return setTopLevelField(renameTopLevelField(text, "previous_response_id", null), "store", false);
}
