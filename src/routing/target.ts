import { RouteletError } from "../errors.ts";

/** What a call may be answered by, once `model` and `x-routelet-route` are read together. */
export type Target =
  /** A node first, then `reference` (null: the project's default reference model). `slmId` narrows the nodes. */
  | { kind: "auto"; slmId: string | null; reference: string | null }
  /** A node, and nothing else. `localOnly` marks content that must never leave the owner's machines. */
  | { kind: "slm"; slmId: string | null; localOnly: boolean }
  /** A cloud model; null is the project's default reference model. */
  | { kind: "llm"; reference: string | null };

export const ROUTES = ["auto", "llm", "slm", "local-only"] as const;
export type Route = (typeof ROUTES)[number];

/** @throws RouteletError `invalid_route` for a word that is not one of `ROUTES`. */
export function parseRoute(header: string | null): Route | null {
  if (header === null || header.trim() === "") return null;
  const word = header.trim().toLowerCase();
  const route = ROUTES.find((known) => known === word);
  if (route !== undefined) return route;
  throw new RouteletError({
    kind: "invalid_request",
    code: "invalid_route",
    message: `\`x-routelet-route\` must be one of ${ROUTES.join(", ")}.`,
    param: "x-routelet-route",
  });
}

interface ModelName {
  kind: "auto" | "slm" | "cloud";
  slmId: string | null;
  cloud: string | null;
}

function readModel(model: string): ModelName {
  if (model === "auto") return { kind: "auto", slmId: null, cloud: null };
  if (model === "slm") return { kind: "slm", slmId: null, cloud: null };
  if (model.startsWith("slm/")) return { kind: "slm", slmId: model.slice("slm/".length), cloud: null };
  return { kind: "cloud", slmId: null, cloud: model };
}

/**
 * `x-routelet-route` wins over `model`, and `local-only` over everything.
 *
 * @throws RouteletError `impossible_route` for a pair that contradicts itself (`llm` with an SLM's name).
 */
export function resolveTarget(options: { model: string; route: Route | null }): Target {
  const { route } = options;
  const name = readModel(options.model);
  if (name.kind === "slm" && name.slmId === "") {
    throw new RouteletError({
      kind: "invalid_request",
      code: "invalid_model",
      message: "`model`: `slm/` must be followed by a model's id; `slm` alone takes whatever a node serves.",
      param: "model",
    });
  }
  switch (route) {
    case "local-only":
      return { kind: "slm", slmId: name.slmId, localOnly: true };
    case "slm":
      return { kind: "slm", slmId: name.slmId, localOnly: false };
    case "llm":
      if (name.kind === "slm") {
        throw new RouteletError({
          kind: "invalid_request",
          code: "impossible_route",
          message: `\`x-routelet-route: llm\` cannot be met by \`${options.model}\`: name a cloud model, or drop the header.`,
          param: "x-routelet-route",
        });
      }
      return { kind: "llm", reference: name.cloud };
    case "auto":
      return { kind: "auto", slmId: name.slmId, reference: name.cloud };
    case null:
      if (name.kind === "auto") return { kind: "auto", slmId: null, reference: null };
      if (name.kind === "slm") return { kind: "slm", slmId: name.slmId, localOnly: false };
      return { kind: "llm", reference: name.cloud };
  }
}
