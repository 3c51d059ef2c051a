import type { ClientDialect } from "../dialect.ts";
import { renderOpenAiError, streamErrorEvent } from "../openai-chat/error.ts";
import { untranslated } from "../untranslated.ts";
import { parseCompletionsCall } from "./parse.ts";
import { passCompletionStream } from "./pass-stream.ts";
import { passWholeCompletion, streamWholeCompletion } from "./pass-whole.ts";
import { traceInput, traceOutput } from "./trace-content.ts";

const DECODER = new TextDecoder();

/**
 * `POST /v1/completions` as agents speak it (OpenAI API reference, "Create completion"). It has no internal form: a chat
 * backend cannot continue a text.
 */
export const openAiCompletions: ClientDialect = {
  name: "openai-completions",
  endpoint: "/v1/completions",
  parse: parseCompletionsCall,
  renderError: renderOpenAiError,
  heartbeat: new TextEncoder().encode(": keep-alive\n\n"),
  ...untranslated({
    dialect: "openai-completions",
    streamError: (error) => DECODER.decode(streamErrorEvent(error)),
  }),
  passStream: passCompletionStream,
  passWhole: passWholeCompletion,
  streamWhole: streamWholeCompletion,
  traceInput,
  traceOutput,
};
