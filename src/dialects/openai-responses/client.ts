import type { ClientDialect } from "../dialect.ts";
import { renderOpenAiError } from "../openai-chat/error.ts";
import { parseResponsesCall } from "./parse.ts";
import { passResponseStream, passWholeResponse } from "./pass-stream.ts";
import { openResponseRenderer, responseOf } from "./render.ts";
import { traceInput, traceOutput } from "./trace-content.ts";

/** `POST /v1/responses` as agents speak it (OpenAI API reference, "Responses"; the Open Responses specification). */
export const openAiResponses: ClientDialect = {
  name: "openai-responses",
  endpoint: "/v1/responses",
  parse: parseResponsesCall,
  renderError: renderOpenAiError,
  heartbeat: new TextEncoder().encode(": keep-alive\n\n"),
  renderReply: (reply, context) => new TextEncoder().encode(JSON.stringify(responseOf(reply, context))),
  openRenderer: openResponseRenderer,
  passStream: passResponseStream,
  passWhole: passWholeResponse,
  traceInput,
  traceOutput,
};
