import type { Json } from "../json.ts";
import type { CallItem } from "./output-items.ts";
import { customInput, type ToolForm } from "./tools.ts";

/** An item for a tool call that begins; a name that the caller did not give stays as the model said it. */
export function beginCall(options: {
  /** Makes an item's id of its kind. */
  newId: (kind: string) => string;
  callId: string;
  name: string;
  forms: ReadonlyMap<string, ToolForm>;
}): CallItem {
  const { newId, callId, forms } = options;
  const form = forms.get(options.name);
  const status = "in_progress" as const;
  if (form?.kind === "tool_search")
    return {
      id: newId("tsc"),
      type: "tool_search_call",
      status,
      call_id: callId,
      execution: "client",
      arguments: {},
    };
  const named = {
    status,
    call_id: callId,
    name: form?.name ?? options.name,
    ...(form?.namespace == null ? {} : { namespace: form.namespace }),
  };
  return form?.kind === "custom"
    ? { id: newId("ctc"), type: "custom_tool_call", ...named, input: "" }
    : { id: newId("fc"), type: "function_call", ...named, arguments: "" };
}

/** The arguments of a search as the object that they are here; what is no JSON stays as the model wrote it. */
function searchArguments(written: string): unknown {
  try {
    return JSON.parse(written);
  } catch {
    return written;
  }
}

/**
 * What closes a call, as events without their place. A custom tool's text is told here as one delta: it stands inside
 * the JSON that the model writes, and is known when that is whole.
 */
export function closeCall(item: CallItem, written: string): (Json & { type: string })[] {
  if (item.type === "function_call")
    return [{ type: "response.function_call_arguments.done", name: item.name, arguments: item.arguments }];
  if (item.type === "tool_search_call") {
    item.arguments = searchArguments(written);
    return [];
  }
  item.input = customInput(written);
  return [
    { type: "response.custom_tool_call_input.delta", delta: item.input },
    { type: "response.custom_tool_call_input.done", input: item.input },
  ];
}
