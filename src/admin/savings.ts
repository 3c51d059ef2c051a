import { createRoute, z } from "@hono/zod-openapi";
import { and, eq, gte, lt, sql } from "drizzle-orm";
import { resolveCloudModel } from "../backends/providers/registry.ts";
import { type Estimate, type TokenRatio, tokenRatio } from "../conversion/token-ratio.ts";
import { database } from "../db/client.ts";
import { rollupsHourly } from "../db/schema.ts";
import type { Env } from "../env.ts";
import { costUsd } from "../ledger/pricing.ts";
import { readSettings } from "../security/settings-snapshot.ts";
import type { Settings } from "../settings.ts";
import type { AdminApp } from "./context.ts";
import { adminOnly, commonErrors, isoTime, jsonResponse, projectSchema, timeSchema } from "./responses.ts";

const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
/** Rows of one answer: days, keys and tasks multiply. */
const MAX_ROWS = 5_000;

const estimateSchema = z
  .object({ value: z.number(), low: z.number(), high: z.number() })
  .openapi({ description: "US dollars; `low` and `high` are a 90 % interval." });

const groupSchema = z
  .object({
    day: z.string().openapi({ example: "2026-11-24", description: "In UTC." }),
    key_id: z.string(),
    task: z.string().nullable(),
    requested_model: z.string(),
    calls: z.number().int(),
    slm_calls: z.number().int().openapi({ description: "Of these, answered by a small model." }),
    spent_usd: z.number().openapi({ description: "What cloud providers took, as far as prices are known." }),
    node_usd: z.number().openapi({ description: "By `conversion.node_usd_per_million_tokens`." }),
    unpriced_calls: z.number().int(),
    reference_usd: estimateSchema.nullable().openapi({
      description:
        "What the model that was asked for would have cost for the calls that a small model answered, at that day's price. Its tokens are estimated from drawn pairs; null where there are fewer than 30, or the price is unknown.",
    }),
    net_saved_usd: estimateSchema.nullable().openapi({ description: "`reference_usd` less `node_usd`." }),
    why_unknown: z.enum(["not_enough_data", "unknown_price"]).nullable(),
  })
  .openapi("SavingsGroup");

const read = createRoute({
  method: "get",
  path: "/api/savings",
  tags: ["tasks"],
  summary: "What small models saved against the models that were asked for, by key, task and day",
  description:
    "Net of what the nodes cost (as configured) and of audits and judges, whose cost is in the totals. Where too little is known it says so instead of a number.",
  ...adminOnly,
  request: {
    query: z.object({
      project: projectSchema,
      since: z.iso
        .datetime({ offset: true })
        .optional()
        .openapi({ description: "30 days ago where absent." }),
      until: z.iso.datetime({ offset: true }).optional(),
    }),
  },
  responses: {
    200: jsonResponse(
      z.object({
        object: z.literal("savings"),
        since: timeSchema,
        until: timeSchema,
        audits_usd: z.number(),
        judges_usd: z
          .number()
          .openapi({ description: "What `conversion.judge` took for comparing prose in that time." }),
        net_saved_usd: estimateSchema.nullable().openapi({
          description: "Of the groups whose savings are known, less audits and judges; null where none is.",
        }),
        unknown_groups: z.number().int(),
        complete: z
          .boolean()
          .openapi({ description: "False where there were more rows than one answer has." }),
        data: z.array(groupSchema),
      }),
      "The savings.",
    ),
    ...commonErrors,
  },
});

type Group = z.infer<typeof groupSchema>;

interface Sums {
  day: number;
  keyId: string;
  task: string;
  requestedModel: string;
  calls: number;
  slmCalls: number;
  slmInput: number;
  slmOutput: number;
  spent: number;
  unpriced: number;
}

function sumsOf(options: { db: D1Database; projectId: string; from: number; to: number }): Promise<Sums[]> {
  const { projectId, from, to } = options;
  const table = rollupsHourly;
  const bySlm = sql`${table.servedBy} LIKE 'slm/%'`;
  // D1 binds every number as a real, and a real's quotient is another one for each hour.
  const day = sql<number>`${table.hour} / ${sql.raw(String(DAY_HOURS))}`;
  return database(options.db)
    .select({
      day,
      keyId: table.keyId,
      task: table.task,
      requestedModel: table.requestedModel,
      calls: sql<number>`SUM(${table.calls})`,
      slmCalls: sql<number>`SUM(CASE WHEN ${bySlm} THEN ${table.calls} ELSE 0 END)`,
      slmInput: sql<number>`SUM(CASE WHEN ${bySlm} THEN ${table.inputTokens} ELSE 0 END)`,
      slmOutput: sql<number>`SUM(CASE WHEN ${bySlm} THEN ${table.outputTokens} ELSE 0 END)`,
      spent: sql<number>`SUM(${table.costUsd})`,
      unpriced: sql<number>`SUM(${table.unpriced})`,
    })
    .from(table)
    .where(and(eq(table.projectId, projectId), gte(table.hour, from), lt(table.hour, to)))
    .groupBy(day, table.keyId, table.task, table.requestedModel)
    .orderBy(sql`1 DESC`, table.task, table.keyId)
    .limit(MAX_ROWS + 1);
}

/** The price of so many tokens of the model that was asked for, on that day; null when nobody knows it. */
function priceOf(options: {
  env: Env;
  settings: Settings;
  sums: Sums;
  tokens: { input: number; output: number; cachedShare: number };
}): number | null {
  const { env, settings, sums, tokens } = options;
  const at = sums.day * DAY_HOURS * HOUR_MS;
  const name = sums.requestedModel === "auto" ? settings.defaultModel : sums.requestedModel;
  const { provider, model } = resolveCloudModel(env, name, at, {
    providers: settings.providers,
    keyed: new Map(),
  });
  const inputTokens = Math.round(tokens.input);
  const usage = {
    inputTokens,
    cachedInputTokens: Math.min(inputTokens, Math.round(inputTokens * tokens.cachedShare)),
    outputTokens: Math.round(tokens.output),
  };
  return costUsd({ provider, model, usage, at, prices: settings.prices });
}

function referenceCost(options: {
  env: Env;
  settings: Settings;
  sums: Sums;
  ratio: TokenRatio;
}): Estimate | null {
  const { sums, ratio } = options;
  const [value, low, high] = (["value", "low", "high"] as const).map((end) =>
    priceOf({
      ...options,
      tokens: {
        input: sums.slmInput * ratio.input[end],
        output: sums.slmOutput * ratio.output[end],
        cachedShare: ratio.cachedShare,
      },
    }),
  );
  return value == null || low == null || high == null ? null : { value, low, high };
}

const minus = ({ value, low, high }: Estimate, cost: number): Estimate => ({
  value: value - cost,
  low: low - cost,
  high: high - cost,
});

function groupOf(options: { env: Env; settings: Settings; sums: Sums; ratio: TokenRatio | null }): Group {
  const { settings, sums, ratio } = options;
  const perToken = settings.conversion.nodeUsdPerMillionTokens / 1_000_000;
  const node = (sums.slmInput + sums.slmOutput) * perToken;
  const none = sums.slmCalls === 0 ? { value: 0, low: 0, high: 0 } : null;
  const reference = none ?? (ratio === null ? null : referenceCost({ ...options, ratio }));
  return {
    day: isoTime(sums.day * DAY_HOURS * HOUR_MS).slice(0, 10),
    key_id: sums.keyId,
    task: sums.task === "" ? null : sums.task,
    requested_model: sums.requestedModel,
    calls: sums.calls,
    slm_calls: sums.slmCalls,
    spent_usd: sums.spent,
    node_usd: node,
    unpriced_calls: sums.unpriced,
    reference_usd: reference,
    net_saved_usd: reference && minus(reference, node),
    why_unknown: reference !== null ? null : ratio === null ? "not_enough_data" : "unknown_price",
  };
}

/** What all groups together saved. Their errors are of the same drawn pairs, so that their intervals add up end by end. */
function total(groups: readonly Group[], behind: number): Estimate | null {
  const known = groups.flatMap(({ slm_calls, net_saved_usd }) =>
    slm_calls > 0 && net_saved_usd !== null ? [net_saved_usd] : [],
  );
  if (known.length === 0) return null;
  const sum = (end: keyof Estimate): number => known.reduce((so, each) => so + each[end], 0);
  return minus({ value: sum("value"), low: sum("low"), high: sum("high") }, behind);
}

/** `/api/savings`. */
export function addSavingsRoutes(app: AdminApp): void {
  app.openapi(read, async (c) => {
    const { project, since, until } = c.req.valid("query");
    const now = Date.now();
    const to = Math.floor((until === undefined ? now : Date.parse(until)) / HOUR_MS) + 1;
    const from = since === undefined ? to - 30 * DAY_HOURS : Math.floor(Date.parse(since) / HOUR_MS);
    const settings = await readSettings({ db: c.env.DB, projectId: project });
    const [rows, pairs] = await Promise.all([
      sumsOf({ db: c.env.DB, projectId: project, from, to }),
      c.env.WORK.getByName(project).tokenPairs({ from: from * HOUR_MS, to: to * HOUR_MS }),
    ]);
    const ratios = new Map(Object.entries(pairs.byTask).map(([task, list]) => [task, tokenRatio(list)]));
    const data = rows
      .slice(0, MAX_ROWS)
      .map((sums) => groupOf({ env: c.env, settings, sums, ratio: ratios.get(sums.task) ?? null }));
    return c.json(
      {
        object: "savings" as const,
        since: isoTime(from * HOUR_MS),
        until: isoTime(to * HOUR_MS),
        audits_usd: pairs.auditsUsd,
        judges_usd: pairs.judgesUsd,
        net_saved_usd: total(data, pairs.auditsUsd + pairs.judgesUsd),
        unknown_groups: data.filter(({ why_unknown }) => why_unknown !== null).length,
        complete: rows.length <= MAX_ROWS,
        data,
      },
      200,
    );
  });
}
