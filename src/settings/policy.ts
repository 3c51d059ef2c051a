import { z } from "zod";
import type { Settings } from "../settings.ts";

function meansNodes(name: string): boolean {
  return name === "auto" || name === "slm" || name.startsWith("slm/");
}

/** A cloud model: a node's are reached by `auto` and `slm`. */
export const modelName = z
  .string()
  .min(1)
  .max(200)
  .refine((name) => !meansNodes(name), {
    message: "must be a cloud model; nodes are reached by `auto` and `slm`",
  });

/** Any one model: a cloud model, or a node's by its id. */
export const anyModelName = z
  .string()
  .min(1)
  .max(200)
  .refine((name) => !meansNodes(name) || (name.startsWith("slm/") && name.length > "slm/".length), {
    message: "must be one model: a cloud model's name, or `slm/<model id>` for one of your nodes'",
  });

/** What callers write for a cloud model; the names that mean nodes mean nothing else. */
export const aliasName = z
  .string()
  .min(1)
  .max(200)
  .refine((name) => !meansNodes(name), {
    message:
      "`auto`, `slm` and `slm/…` mean your nodes and cannot stand for something else; what `auto` goes on to is `default_model`",
  });

const ms = (least: number, most: number) => z.number().int().min(least).max(most);

const fallbacks = z
  .array(modelName)
  .max(16)
  .describe("Cloud models to try when a call's own have failed, in this order.");

const deadlines = {
  autoNodeFirstByteMs: ms(100, 600_000).describe(
    "How long `auto` waits for a node's first content while a fallback is there.",
  ),
  firstByteMs: ms(100, 1_800_000).describe(
    "How long any other attempt may take until its first content; a cold model load takes minutes.",
  ),
  headersMs: ms(100, 1_800_000).describe(
    "How long a cloud provider may take until it begins to answer a stream: headers come before any thought.",
  ),
  idleMs: ms(100, 1_800_000).describe("The longest silence between two chunks of a running stream."),
  totalMs: ms(1_000, 7_200_000).describe("A whole call, all tries and waits included."),
};

const retries = {
  attempts: z
    .number()
    .int()
    .min(0)
    .max(10)
    .describe("Tries at the last backend of a call beyond the first; 0: none."),
  baseMs: ms(1, 60_000).describe("The first wait is drawn from 0 up to this, and doubles with each try."),
  maxMs: ms(1, 600_000).describe("No drawn wait is longer."),
  maxRetryAfterMs: ms(0, 600_000).describe("A `Retry-After` that asks for more is passed on to the client."),
  onStatus: z
    .array(z.union([z.number().int().min(400).max(599), z.enum(["4xx", "5xx"])]))
    .max(64)
    .describe(
      "The statuses of a backend after which it is tried again; `4xx` and `5xx` stand for all that begin so. A cut connection, and an error inside a 200, count for themselves.",
    ),
};

const heartbeat = {
  afterMs: ms(100, 600_000).describe(
    "How long a stream may be silent before a comment (Anthropic: `ping`) goes out; also before its headers.",
  ),
  comments: z
    .boolean()
    .describe("False for clients whose parsers choke on comments: headers then wait for the first content."),
};

const hedging = {
  afterMs: ms(0, 600_000).describe(
    "How long a backend may take until its first content before the next one of the plan is asked as well; whoever is first answers. 0: never. It buys the slowest calls' time with money.",
  ),
};

const verification = {
  auto: z
    .boolean()
    .describe(
      "Whether a node's answer to `auto` is checked against the call's tools and response format before it is released, where the cloud can answer instead: tool calls and JSON are held whole, words beside tools for their first 32 tokens.",
    ),
};

const routing = {
  byCost: z
    .boolean()
    .describe(
      "Whether `auto` asks the cloud first for tasks where a node's answer is so seldom accepted that asking for it costs more than it saves.",
    ),
  secondUsd: z
    .number()
    .min(0)
    .max(1_000)
    .describe("What a second of waiting is worth in that reckoning, in US dollars."),
};

const hostedTools = z
  .enum(["refuse", "omit"])
  .describe(
    "What a request gets whose hosted tools (web search and the like, which OpenAI or Anthropic run themselves) the model's backend lacks. `refuse`: a 400 that names them. `omit`: an answer without them, with a header that names them.",
  );

type Shape = Record<string, z.ZodType>;

const ABOUT = {
  deadlines: "How long a call, and each part of it, may take. Milliseconds.",
  retries: "When the last backend of a call is tried again. Milliseconds.",
  hedging: "Whether the next backend is asked as well where one is slow. Milliseconds.",
  heartbeat: "What keeps a silent stream alive. Milliseconds.",
  verification: "What is checked of a small model's answer before it is released.",
  routing: "Who is asked first for a call to `auto`.",
};

/** A section of the settings, each of its fields with a default, so that all of it may be left out. */
function section<S extends Shape>(
  name: keyof typeof ABOUT,
  shape: S,
  defaults: { [Name in keyof S]: z.output<S[Name]> },
) {
  const fields = Object.fromEntries(
    Object.entries(shape).map(([field, schema]) => [field, schema.default(defaults[field])]),
  ) as { [Name in keyof S]: z.ZodDefault<S[Name]> };
  return z
    .object(fields)
    .strict()
    .prefault({} as z.input<z.ZodObject<typeof fields>>)
    .describe(ABOUT[name]);
}

/** How calls are tried, for a whole project. Times are in milliseconds. */
export const policyFields = {
  fallbacks: fallbacks.default([]),
  deadlines: section("deadlines", deadlines, {
    autoNodeFirstByteMs: 8_000,
    firstByteMs: 600_000,
    headersMs: 600_000,
    idleMs: 300_000,
    totalMs: 3_600_000,
  }),
  retries: section("retries", retries, {
    attempts: 2,
    baseMs: 250,
    maxMs: 8_000,
    maxRetryAfterMs: 10_000,
    onStatus: [408, 429, "5xx"],
  }),
  hedging: section("hedging", hedging, { afterMs: 0 }),
  heartbeat: section("heartbeat", heartbeat, { afterMs: 10_000, comments: true }),
  verification: section("verification", verification, { auto: true }),
  routing: section("routing", routing, { byCost: true, secondUsd: 0.0001 }),
  hostedTools: hostedTools.default("refuse"),
};

/** The same for a part of the calls: what is left out is the project's. */
export const policyOverride = z
  .object({
    fallbacks: fallbacks.optional(),
    deadlines: z.object(deadlines).partial().strict().optional().describe(ABOUT.deadlines),
    retries: z.object(retries).partial().strict().optional().describe(ABOUT.retries),
    hedging: z.object(hedging).partial().strict().optional().describe(ABOUT.hedging),
    heartbeat: z.object(heartbeat).partial().strict().optional().describe(ABOUT.heartbeat),
    verification: z.object(verification).partial().strict().optional().describe(ABOUT.verification),
    routing: z.object(routing).partial().strict().optional().describe(ABOUT.routing),
    hostedTools: hostedTools.optional(),
  })
  .strict();

export type PolicyOverride = z.infer<typeof policyOverride>;

/** The settings for one call: the project's, changed by what is set for the model's name, then by what is set for the key. */
export function policyFor(settings: Settings, call: { model: string; keyId: string }): Settings {
  const forModel = settings.models.find(({ name }) => name === call.model)?.policy;
  const forKey = settings.keys.find(({ id }) => id === call.keyId)?.policy;
  return [forModel, forKey].reduce<Settings>(
    (known, over) => (over === undefined ? known : overridden(known, over)),
    settings,
  );
}

/** The longest that any call of the project may take, whatever its model and key. Milliseconds. */
export function longestCallMs({
  deadlines,
  models,
  keys,
}: Pick<Settings, "deadlines" | "models" | "keys">): number {
  const own = [...models, ...keys].map(({ policy }) => policy?.deadlines?.totalMs ?? 0);
  return Math.max(deadlines.totalMs, ...own);
}

function overridden(settings: Settings, over: PolicyOverride): Settings {
  return {
    ...settings,
    fallbacks: over.fallbacks ?? settings.fallbacks,
    deadlines: { ...settings.deadlines, ...over.deadlines },
    retries: { ...settings.retries, ...over.retries },
    hedging: { ...settings.hedging, ...over.hedging },
    heartbeat: { ...settings.heartbeat, ...over.heartbeat },
    verification: { ...settings.verification, ...over.verification },
    routing: { ...settings.routing, ...over.routing },
    hostedTools: over.hostedTools ?? settings.hostedTools,
  };
}
