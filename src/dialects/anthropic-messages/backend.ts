import type { BackendDialect } from "../dialect.ts";
import { readErrorBody } from "./error.ts";
import { messagesProblems } from "./problems.ts";
import { openMessagesReader } from "./read-stream.ts";
import { readMessageReply } from "./read-whole.ts";
import { renderMessagesRequest } from "./render-request.ts";

/** Anthropic's Messages API, and what is compatible with it, for calls that came in another dialect. */
export const anthropicMessagesBackend: BackendDialect = {
  name: "anthropic-messages",
  problems: messagesProblems,
  renderRequest: renderMessagesRequest,
  readReply: readMessageReply,
  openReader: openMessagesReader,
  readError: readErrorBody,
};
