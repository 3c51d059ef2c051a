import { resolveCloudModel } from "../backends/providers/registry.ts";
import { anthropicModel, anthropicModelPage } from "../dialects/anthropic-messages/models.ts";
import { isAnthropicClient, renderErrorFor } from "../dialects/caller-dialect.ts";
import type { Env } from "../env.ts";
import { RouteletError, toRouteletError } from "../errors.ts";
import { fleetSnapshot } from "../fleet/fleet-cache.ts";
import type { Settings } from "../settings.ts";
import { openVisit } from "./open-visit.ts";

/** OpenAI's model object, with what Routelet knows of the model beside it. */
interface Model {
  id: string;
  object: "model";
  /** Seconds since the epoch; the fleet keeps no creation times, so the epoch itself. */
  created: number;
  owned_by: string;
  context_window?: number;
}

const PREFIX = "/v1/models";

async function models(
  request: Request,
  env: Env,
  ctx: ExecutionContext,
): Promise<{ list: Model[]; settings: Settings }> {
  const visit = await openVisit({ request, env, ctx });
  const { caller, now, waitUntil } = visit;
  const settings = await visit.settings();
  const fleet = await fleetSnapshot({ env, now: now(), waitUntil, fresh: true });
  const served = new Map<string, Model>();
  for (const node of fleet.nodes) {
    if (!node.connected || !node.projects.includes(caller.projectId)) continue;
    for (const { id, contextTokens } of node.state?.models ?? []) {
      const model: Model = { id: `slm/${id}`, object: "model", created: 0, owned_by: "routelet-node" };
      served.set(id, contextTokens === null ? model : { ...model, context_window: contextTokens });
    }
  }
  const routed: Model[] = ["auto", ...(served.size > 0 ? ["slm"] : [])].map((id) => ({
    id,
    object: "model",
    created: 0,
    owned_by: "routelet",
  }));
  const names = [...new Set([settings.defaultModel, ...settings.models.map(({ name }) => name)])];
  const cloud = names.flatMap((name) => cloudModel(env, settings, name) ?? []);
  const list = [...routed, ...[...served.values()].sort((a, b) => a.id.localeCompare(b.id)), ...cloud];
  return { list, settings };
}

/** A name of the cloud, with whose it is: of several targets, the first's; null where no provider is configured. */
function cloudModel(env: Env, settings: Settings, name: string): Model | null {
  const route = settings.models.find((known) => known.name === name);
  const targets = route === undefined || route.targets.length === 0 ? [{ model: name }] : route.targets;
  for (const { model } of targets) {
    const { configured, provider } = resolveCloudModel(env, model, Date.now(), {
      providers: settings.providers,
    });
    if (configured) return { id: name, object: "model", created: 0, owned_by: provider };
  }
  return null;
}

/** The id out of the path; what is no valid escape is no known model either, and stays as it came. */
function modelId(escaped: string): string {
  try {
    return decodeURIComponent(escaped);
  } catch {
    return escaped;
  }
}

function find(env: Env, settings: Settings, list: readonly Model[], id: string): Model {
  const model = list.find((known) => known.id === id);
  if (model !== undefined) return model;
  const cloud = id === "slm" || id.startsWith("slm/") ? null : cloudModel(env, settings, id);
  if (cloud !== null) return cloud;
  throw new RouteletError({
    kind: "not_found",
    code: "model_not_found",
    message: `There is no model \`${id}\` here. \`GET /v1/models\` lists what nodes serve now.`,
    param: "model",
  });
}

/**
 * `GET /v1/models` and `GET /v1/models/{id}`, in the caller's dialect: what can be named here: `auto`, `slm`, the models
 * that nodes serve now, the default reference model, and what the settings' `models` name. Other cloud models can be named without standing in the list.
 */
export async function handleModels(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  try {
    const anthropic = isAnthropicClient(request);
    const { list, settings } = await models(request, env, ctx);
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === PREFIX) {
      return Response.json(
        anthropic ? anthropicModelPage(list, searchParams) : { object: "list", data: list },
      );
    }
    const model = find(env, settings, list, modelId(pathname.slice(PREFIX.length + 1)));
    return Response.json(anthropic ? anthropicModel(model) : model);
  } catch (thrown) {
    return renderErrorFor(request, toRouteletError(thrown));
  }
}
