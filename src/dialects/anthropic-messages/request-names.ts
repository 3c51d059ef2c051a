import { createDistinctIds } from "../distinct-ids.ts";
import type { ModelRequest } from "../model-request.ts";
import { type ToolNames, toolNames } from "../tool-names.ts";
import type { RequestNames } from "./render-content.ts";

/** Anthropic's tool names: `^[a-zA-Z0-9_-]{1,128}$`. The same map reads the reply. */
export function messageToolNames(request: ModelRequest): ToolNames {
  return toolNames(request, { forbidden: /[^a-zA-Z0-9_-]/, max: 128 });
}

/** Names and ids for one request. An id that had to be changed stays unlike every other of the request. */
export function requestNames(request: ModelRequest): RequestNames {
  return {
    tools: messageToolNames(request),
    id: createDistinctIds({ write: (original) => original.replace(/[^a-zA-Z0-9_-]/g, "_") || "toolu" }),
  };
}
