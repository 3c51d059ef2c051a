import { z } from "zod";

/** A cloud model: a node's are reached by `auto` and `slm`. */
const modelName = z
  .string()
  .min(1)
  .max(200)
  .refine((name) => name !== "auto" && name !== "slm" && !name.startsWith("slm/"), {
    message: "must be a cloud model; nodes are reached by `auto` and `slm`",
  });

/**
 * What an operator may set with `PUT /api/settings`, per project. Times are in milliseconds.
 * Every field has a default, so that an empty object is a valid setting.
 */
export const settingsSchema = z
  .object({
    /** The reference model that `auto` falls back to. */
    defaultModel: z.string().min(1).default("gpt-5-mini"),
    deadlines: z
      .object({
        /** How long `auto` waits for a node's first byte while a fallback is there. */
        autoNodeFirstByteMs: z.number().int().min(100).max(600_000).default(8_000),
        /** How long any other attempt may take until its first byte; a cold model load takes minutes. */
        firstByteMs: z.number().int().min(100).max(1_800_000).default(600_000),
        /** The longest silence between two chunks of a running stream. */
        idleMs: z.number().int().min(100).max(1_800_000).default(300_000),
        /** A whole call. */
        totalMs: z.number().int().min(1_000).max(7_200_000).default(3_600_000),
      })
      .strict()
      .prefault({}),
    /** What the names of models stand for, and where their calls go when a provider fails. */
    models: z
      .array(
        z
          .object({
            /** As callers write it: an alias, or a model's own name. */
            name: z.string().min(1).max(200),
            /** Equals, drawn by weight; none: the model of that name itself. */
            targets: z
              .array(
                z.object({ model: modelName, weight: z.number().min(0).max(1_000_000).default(1) }).strict(),
              )
              .max(32)
              .default([]),
            /** Tried in this order when the targets fail. */
            fallbacks: z.array(modelName).max(16).default([]),
          })
          .strict(),
      )
      .max(1_000)
      .default([]),
    /** Cloud models to try when a call's own have failed, in this order. */
    fallbacks: z.array(modelName).max(16).default([]),
    retries: z
      .object({
        /** Tries at the last backend of a call beyond the first; 0: none. */
        attempts: z.number().int().min(0).max(10).default(2),
        /** The first wait is drawn from 0 up to this, and doubles with each try. */
        baseMs: z.number().int().min(1).max(60_000).default(250),
        /** No drawn wait is longer. */
        maxMs: z.number().int().min(1).max(600_000).default(8_000),
        /** A `Retry-After` that asks for more is passed on to the client. */
        maxRetryAfterMs: z.number().int().min(0).max(600_000).default(10_000),
      })
      .strict()
      .prefault({}),
    /** A backend that keeps failing is asked last for a while; it is never refused where there is no other. */
    breaker: z
      .object({
        windowMs: z.number().int().min(1_000).max(3_600_000).default(30_000),
        minRequests: z.number().int().min(1).max(10_000).default(10),
        errorRate: z.number().gt(0).max(1).default(0.5),
        openMs: z.number().int().min(100).max(3_600_000).default(15_000),
      })
      .strict()
      .prefault({}),
    heartbeat: z
      .object({
        /** How long a stream may be silent before a comment (Anthropic: `ping`) goes out; also before its headers. */
        afterMs: z.number().int().min(100).max(600_000).default(10_000),
        /** False for clients whose parsers choke on comments: headers then wait for the first content. */
        comments: z.boolean().default(true),
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

export type Settings = z.infer<typeof settingsSchema>;

export const DEFAULT_SETTINGS: Settings = settingsSchema.parse({});
