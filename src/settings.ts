import { z } from "zod";
import { aliasName, modelName, policyFields, policyOverride } from "./settings/policy.ts";
import { priceOverride } from "./settings/prices.ts";
import { providerInput, storedProvider } from "./settings/providers.ts";

/** An origin as browsers send it (RFC 6454, section 6.2). */
const corsOrigin = z
  .string()
  .max(255)
  .refine((origin) => origin === "*" || (URL.canParse(origin) && new URL(origin).origin === origin), {
    message: "must be an origin such as https://app.example.com, without a path, or *",
  });

/**
 * What an operator may set with `PUT /api/settings`, per project. Times are in milliseconds.
 * Every field has a default, so that an empty object is a valid setting.
 */
export const settingsSchema = z
  .object({
    /** The reference model that `auto` falls back to. */
    defaultModel: z.string().min(1).default("gpt-5-mini"),
    /** What the names of models stand for, and where their calls go when a provider fails. */
    models: z
      .array(
        z
          .object({
            /** As callers write it: an alias, or a model's own name. */
            name: aliasName,
            /** Equals, drawn by weight; none: the model of that name itself. */
            targets: z
              .array(
                z.object({ model: modelName, weight: z.number().min(0).max(1_000_000).default(1) }).strict(),
              )
              .max(32)
              .default([]),
            /** Tried in this order when the targets fail. */
            fallbacks: z.array(modelName).max(16).default([]),
            /** How calls to this name are tried, where it differs from the project's way. */
            policy: policyOverride.default({}),
          })
          .strict(),
      )
      .max(1_000)
      .default([]),
    ...policyFields,
    /** The same for the calls of one API key; it wins over a model's. */
    keys: z
      .array(
        z
          .object({
            /** The key's id, `key_…`; `env` for the one of `ROUTELET_API_KEY`. */
            id: z.string().min(1).max(64),
            policy: policyOverride.default({}),
          })
          .strict(),
      )
      .max(1_000)
      .default([]),
    /** Cloud providers beside those of the environment, and changes to those. */
    providers: z.array(storedProvider).max(64).default([]),
    /**
     * The endpoints that keep things in a provider's account (files, batches, fine-tuning, vector stores, …), where
     * projects cannot be told apart. `auto`: for project `default` alone.
     */
    providerAccount: z.enum(["auto", "on", "off"]).default("auto"),
    /** Whether callers may send keys of their own for providers (`x-routelet-provider-key`). */
    passProviderKey: z.boolean().default(false),
    /** The operator's own prices; all others are the price list's. */
    prices: z.array(priceOverride).max(1_000).default([]),
    /** Web pages that may call the gateway; `*` for any. Those of project `default` count, for the whole deployment. */
    cors: z
      .object({ origins: z.array(corsOrigin).max(64).default([]) })
      .strict()
      .prefault({}),
    /** A backend that keeps failing is asked last for a while; it is never refused where there is no other. */
    breaker: z
      .object({
        windowMs: z.number().int().min(1_000).max(3_600_000).default(30_000),
        minRequests: z.number().int().min(1).max(10_000).default(10),
        errorRate: z.number().gt(0).max(1).default(0.5),
        openMs: z.number().int().min(100).max(3_600_000).default(15_000),
        probes: z.number().int().min(1).max(100).default(1),
      })
      .strict()
      .prefault({}),
    content: z
      .object({
        /** `encrypted`: request and response bodies are kept, encrypted. `off`: metadata only. */
        store: z.enum(["encrypted", "off"]).default("encrypted"),
        /** Bytes kept of each body, before compression; the rest is cut and marked. */
        maxBytes: z.number().int().min(0).max(1_500_000).default(262_144),
      })
      .strict()
      .prefault({}),
    responses: z
      .object({
        /** How long stored responses are kept; OpenAI keeps its own for 30 days. */
        keepDays: z.number().int().min(1).max(3_650).default(30),
        /**
         * What `store: true` gets where no content is kept (`content.store: off`, `local-only` calls): a 400, or an
         * answer as if it had been false, with a header that says so.
         */
        storeWithoutContent: z.enum(["refuse", "ignore"]).default("refuse"),
      })
      .strict()
      .prefault({}),
    /** The exact reply cache: for deterministic requests (`temperature: 0`, or a `seed`). */
    cache: z
      .object({
        /** `off`: only where `x-routelet-cache` asks for it. `read`: looked up and kept for every such request. */
        mode: z.enum(["off", "read"]).default("off"),
        /** How long a reply is kept. */
        ttlSeconds: z.number().int().min(1).max(2_592_000).default(3_600),
        /** `key`: an API key sees only what it asked for itself. `project`: all keys of the project share. */
        scope: z.enum(["key", "project"]).default("key"),
      })
      .strict()
      .prefault({}),
    ledger: z
      .object({
        /** False: calls leave no record, neither metadata nor content; what they cost is then known to nobody. */
        record: z.boolean().default(true),
      })
      .strict()
      .prefault({}),
  })
  .strict();

/** What `PUT /api/settings` and `routelet.config.json` take: the same, with keys of providers in the open. */
export const settingsInput = settingsSchema.extend({ providers: z.array(providerInput).max(64).default([]) });

export type Settings = z.infer<typeof settingsSchema>;

export const DEFAULT_SETTINGS: Settings = settingsSchema.parse({});
