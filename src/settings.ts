import { z } from "zod";
import { conversionSettings } from "./settings/conversion.ts";
import { aliasName, modelName, policyFields, policyOverride } from "./settings/policy.ts";
import { priceOverride } from "./settings/prices.ts";
import { PROVIDERS_SETTING, providerInput, storedProvider } from "./settings/providers.ts";

/** An origin as browsers send it (RFC 6454, section 6.2). */
const corsOrigin = z
  .string()
  .max(255)
  .refine((origin) => origin === "*" || (URL.canParse(origin) && new URL(origin).origin === origin), {
    message: "must be an origin such as https://app.example.com, without a path, or *",
  });

/**
 * What an operator may set with `PUT /api/settings`, per project. Times are in milliseconds.
 * Every field has a default, so that an empty object is a valid setting. The descriptions are those of `/openapi.json`.
 */
export const settingsSchema = z
  .object({
    defaultModel: z
      .string()
      .min(1)
      .default("gpt-5-mini")
      .describe("The reference model that `auto` falls back to."),
    models: z
      .array(
        z
          .object({
            name: aliasName.describe("As callers write it: an alias, or a model's own name."),
            targets: z
              .array(
                z
                  .object({
                    model: modelName.describe("A cloud model; with its provider to be sure: `groq/llama-…`."),
                    weight: z
                      .number()
                      .min(0)
                      .max(1_000_000)
                      .default(1)
                      .describe("Its share of the calls, beside the others' weights; 0: none."),
                  })
                  .strict(),
              )
              .max(32)
              .default([])
              .describe("Equals, drawn by weight; none: the model of that name itself."),
            fallbacks: z
              .array(modelName)
              .max(16)
              .default([])
              .describe("Cloud models, tried in this order when the targets fail."),
            policy: policyOverride
              .default({})
              .describe("How calls to this name are tried, where it differs from the project's way."),
          })
          .strict(),
      )
      .max(1_000)
      .default([])
      .describe("What the names of models stand for, and where their calls go when a provider fails."),
    ...policyFields,
    keys: z
      .array(
        z
          .object({
            id: z
              .string()
              .min(1)
              .max(64)
              .describe("The API key's id, `key_…`; `env` for the one of `ROUTELET_API_KEY`."),
            policy: policyOverride
              .default({})
              .describe("How this key's calls are tried; it wins over a model's policy."),
          })
          .strict(),
      )
      .max(1_000)
      .default([])
      .describe("Policies of single API keys."),
    providers: z.array(storedProvider).max(64).default([]).describe(PROVIDERS_SETTING),
    providerAccount: z
      .enum(["auto", "on", "off"])
      .default("auto")
      .describe(
        "Whether the endpoints are open that keep things in a provider's account (files, batches, fine-tuning, vector stores, …), where projects cannot be told apart. `auto`: for project `default` alone.",
      ),
    passProviderKey: z
      .boolean()
      .default(false)
      .describe("Whether callers may send keys of their own for providers (`x-routelet-provider-key`)."),
    prices: z
      .array(priceOverride)
      .max(1_000)
      .default([])
      .describe("The operator's own prices; all others are the price list's."),
    cors: z
      .object({
        origins: z
          .array(corsOrigin)
          .max(64)
          .default([])
          .describe("Origins such as `https://app.example.com`, or `*` for any."),
      })
      .strict()
      .prefault({})
      .describe(
        "Web pages that may call the gateway. Those of project `default` count, for the whole deployment.",
      ),
    breaker: z
      .object({
        windowMs: z
          .number()
          .int()
          .min(1_000)
          .max(3_600_000)
          .default(30_000)
          .describe("Outcomes older than this count no more."),
        minRequests: z
          .number()
          .int()
          .min(1)
          .max(10_000)
          .default(10)
          .describe("Fewer outcomes than this in the window say nothing."),
        errorRate: z
          .number()
          .gt(0)
          .max(1)
          .default(0.5)
          .describe("The share of failures from which the backend is asked last. A 429 is no failure."),
        openMs: z
          .number()
          .int()
          .min(100)
          .max(3_600_000)
          .default(15_000)
          .describe("How long it is, until some calls are let through to try it."),
        probes: z
          .number()
          .int()
          .min(1)
          .max(100)
          .default(1)
          .describe("How many calls are let through then; all of them must go well."),
      })
      .strict()
      .prefault({})
      .describe(
        "A backend that keeps failing is asked last for a while; it is never refused where there is no other.",
      ),
    content: z
      .object({
        store: z
          .enum(["encrypted", "off"])
          .default("encrypted")
          .describe("`encrypted`: request and response bodies are kept, encrypted. `off`: metadata only."),
        maxBytes: z
          .number()
          .int()
          .min(0)
          .max(1_500_000)
          .default(262_144)
          .describe("Bytes kept of each body, before compression; the rest is cut and marked."),
        redact: z
          .boolean()
          .default(false)
          .describe(
            "Whether surrogates stand in stored bodies, and in what feedback says, for private values and secrets: cards, accounts, addresses of mail and of machines, identity and telephone numbers, links, keys, passwords. What was said is then kept nowhere; no reply is cached.",
          ),
      })
      .strict()
      .prefault({})
      .describe("What is kept of requests and replies."),
    responses: z
      .object({
        keepDays: z
          .number()
          .int()
          .min(1)
          .max(3_650)
          .default(30)
          .describe("How long stored responses are kept; OpenAI keeps its own for 30 days."),
        storeWithoutContent: z
          .enum(["refuse", "ignore"])
          .default("refuse")
          .describe(
            "What `store: true` gets where no content is kept (`content.store: off`, `local-only` calls): a 400, or an answer as if it had been false, with a header that says so.",
          ),
      })
      .strict()
      .prefault({})
      .describe("Stored responses (`POST /v1/responses` with `store`)."),
    cache: z
      .object({
        mode: z
          .enum(["off", "read"])
          .default("off")
          .describe(
            "`off`: only where `x-routelet-cache` asks for it. `read`: looked up and kept for every such request.",
          ),
        ttlSeconds: z
          .number()
          .int()
          .min(1)
          .max(2_592_000)
          .default(3_600)
          .describe("How long a reply is kept."),
        scope: z
          .enum(["key", "project"])
          .default("key")
          .describe(
            "`key`: an API key sees only what it asked for itself. `project`: all keys of the project share.",
          ),
      })
      .strict()
      .prefault({})
      .describe("The exact reply cache: for deterministic requests (`temperature: 0`, or a `seed`)."),
    conversion: conversionSettings,
    ledger: z
      .object({
        record: z
          .boolean()
          .default(true)
          .describe(
            "False: calls leave no record, neither metadata nor content; what they cost is then known to nobody.",
          ),
      })
      .strict()
      .prefault({})
      .describe("The record of calls."),
  })
  .strict();

/** What `PUT /api/settings` and `routelet.config.json` take: the same, with keys of providers in the open. */
export const settingsInput = settingsSchema.extend({
  providers: z.array(providerInput).max(64).default([]).describe(PROVIDERS_SETTING),
});

export type Settings = z.infer<typeof settingsSchema>;

export const DEFAULT_SETTINGS: Settings = settingsSchema.parse({});
