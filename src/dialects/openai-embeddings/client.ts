import type { ClientDialect, RenderContext, ReplyStream, TraceMessage } from "../dialect.ts";
import { renderOpenAiError, streamErrorEvent } from "../openai-chat/error.ts";
import { promptTexts } from "../prompt-texts.ts";
import { untranslated } from "../untranslated.ts";
import { parseEmbeddingsCall } from "./parse.ts";
import { passWholeEmbeddings } from "./pass-whole.ts";

const DECODER = new TextDecoder();

function notStreamed(_context: RenderContext): ReplyStream {
  throw new TypeError("embeddings are not streamed");
}

function traceInput(text: string): TraceMessage[] {
  return promptTexts(text, "input").map((content) => ({ role: "user", content }));
}

/** `POST /v1/embeddings` as agents speak it (OpenAI API reference, "Create embeddings"). */
export const openAiEmbeddings: ClientDialect = {
  name: "openai-embeddings",
  endpoint: "/v1/embeddings",
  parse: parseEmbeddingsCall,
  renderError: renderOpenAiError,
  heartbeat: new Uint8Array(0),
  ...untranslated({
    dialect: "openai-embeddings",
    streamError: (error) => DECODER.decode(streamErrorEvent(error)),
  }),
  passStream: notStreamed,
  passWhole: passWholeEmbeddings,
  traceInput: (call) => traceInput(call.text),
  // Vectors say nothing to a reader.
  traceOutput: () => [],
};
