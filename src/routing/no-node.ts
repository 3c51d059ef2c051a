import { RouteletError } from "../errors.ts";
import type { NodeSearch } from "./find-nodes.ts";
import type { Target } from "./target.ts";

/** What a caller knows a capability by, and the field of OpenAI's chat that asks for it. */
const ASKED_BY: Partial<Record<string, { what: string; param: string }>> = {
  jsonSchema: { what: "`response_format` with json_schema", param: "response_format" },
  jsonObject: { what: "`response_format` with json_object", param: "response_format" },
  multipleChoices: { what: "`n` greater than 1", param: "n" },
  logitBias: { what: "`logit_bias`", param: "logit_bias" },
  penalties: { what: "`frequency_penalty` or `presence_penalty`", param: "frequency_penalty" },
  images: { what: "images in `messages`", param: "messages" },
  audio: { what: "audio in `messages`", param: "messages" },
  embeddings: { what: "/v1/embeddings", param: "model" },
  completions: { what: "/v1/completions", param: "model" },
  chat: { what: "chat", param: "model" },
};

/** How people start a node: as a program, and in a clone of the repository. */
const START_A_NODE = "`local-node run` (in a clone: `npm run node -- run`)";

/** What the caller may do where no node could answer. Nothing that was just asked for, and no cloud for a local call. */
function advice(options: NoNode, what: { join: string; auto: string }): string {
  const { target, cloud } = options;
  if (target.localOnly) return `${what.join}; \`local-only\` goes nowhere else.`;
  if (target.kind === "auto")
    return `${what.join}, or set ${cloud.variable} for the gateway: no cloud provider is set that could take the call.`;
  if (cloud.configured) return `${what.join}, or ${what.auto}.`;
  return `${what.join}; to have the cloud instead, set ${cloud.variable} for the gateway and ${what.auto}.`;
}

interface NoNode {
  search: Extract<NodeSearch, { found: null }>;
  target: { kind: Target["kind"]; slmId: string | null; localOnly?: boolean };
  /** The ids of the models that nodes serve now. */
  served: string[];
  /** The cloud model that would be next: whether its provider has a key, and what gives it one. */
  cloud: { configured: boolean; variable: string };
}

/** What a caller is told where no node could answer. */
export function noNode(options: NoNode): RouteletError {
  const { search, target, served } = options;
  if (search.why === "unknown_model") {
    const there =
      served.length === 0
        ? "No node serves a model now."
        : `Nodes serve ${served.map((id) => `\`slm/${id}\``).join(", ")}; \`slm\` takes any of them.`;
    return new RouteletError({
      kind: target.localOnly ? "unavailable" : "not_found",
      code: target.localOnly ? "no_local_node" : "model_not_found",
      message: `No node serves \`slm/${target.slmId ?? ""}\`. ${there}`,
      param: "model",
    });
  }
  if (search.why === "incapable") return incapable(options);
  return new RouteletError({
    kind: "unavailable",
    code: target.localOnly ? "no_local_node" : "no_node",
    message:
      search.why === "draining"
        ? "Every node that could answer is shutting down. Try again in a moment."
        : search.why === "paused"
          ? `Every node that could answer is paused by its owner, who may need the machine. ${advice(
              options,
              {
                join: "Try again later, or start another one",
                auto: "use model `auto`, which goes on to the cloud",
              },
            )}`
          : `No node is connected that could answer. ${advice(options, {
              join: `Start one with ${START_A_NODE}`,
              auto: "use model `auto`, which goes on to the cloud",
            })}`,
    retryable: true,
    retryAfterSeconds: search.why === "paused" ? 60 : 5,
  });
}

function incapable(options: NoNode): RouteletError {
  const { search, target } = options;
  const asked = search.lacking.map((name) => ASKED_BY[name] ?? { what: `\`${name}\``, param: name });
  const vectors = search.lacking.includes("embeddings");
  const told = vectors
    ? `No node serves an embedding model now. ${advice(options, {
        join: "Join a node with one",
        auto: "name a cloud's embedding model such as `text-embedding-3-small`",
      })}`
    : `No node's model can honour ${asked.map(({ what }) => what).join(", ")}, which this call needs. ${advice(
        options,
        { join: "Join a node that can", auto: "use model `auto` or a cloud model" },
      )}`;
  return new RouteletError({
    kind: target.localOnly ? "unavailable" : "invalid_request",
    code: target.localOnly ? "no_local_node" : "unsupported_parameter",
    message: told,
    param: vectors ? "model" : (asked[0]?.param ?? "model"),
  });
}
