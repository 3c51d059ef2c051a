import { orderFor } from "./sticky.ts";

/** What a model's name stands for: equals by weight, and what comes after them. Names are cloud models. */
export interface ModelRoute {
  name: string;
  targets: readonly { model: string; weight: number }[];
  fallbacks: readonly string[];
}

/**
 * The cloud models to try for a name, in order: its targets, drawn by weight or, for a conversation, always in the same
 * order; then its fallbacks; then those that every call has. A name without a route stands for itself. None twice.
 */
export function modelsFor(options: {
  name: string;
  routes: readonly ModelRoute[];
  /** For every cloud model. */
  fallbacks: readonly string[];
  conversation: string | null;
  random: () => number;
}): string[] {
  const { name, routes, fallbacks, conversation, random } = options;
  const route = routes.find((known) => known.name === name);
  const targets = orderFor({
    key: conversation,
    candidates: route?.targets.filter(({ weight }) => weight > 0) ?? [],
    idOf: ({ model }) => model,
    weightOf: ({ weight }) => weight,
    random,
  }).map(({ model }) => model);
  const first = targets.length > 0 ? targets : [name];
  return [...new Set([...first, ...(route?.fallbacks ?? []), ...fallbacks])];
}
