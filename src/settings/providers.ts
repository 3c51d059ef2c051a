import { z } from "zod";
import { type Needs, WIRE_DIALECTS } from "../dialects/call.ts";

/** What a provider can be said to lack, as callers know it, and what a call needs for it. */
export const LACKING = {
  tools: "tools",
  json_schema: "jsonSchema",
  json_object: "jsonObject",
  logprobs: "logprobs",
  images: "images",
  audio: "audio",
  n: "multipleChoices",
  logit_bias: "logitBias",
  penalties: "penalties",
} as const satisfies Record<string, keyof Needs>;

const lacking = z.enum(Object.keys(LACKING) as (keyof typeof LACKING)[]);

/** Header names that carry credentials or belong to the connection: neither is an operator's to set here. */
const NOT_HERE =
  /^(authorization|x-api-key|api-key|cookie|proxy-.*|host|connection|content-.*|transfer-encoding|accept-encoding|te|upgrade|x-routelet-.*)$/i;

const header = z
  .object({
    name: z
      .string()
      .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, { message: "is no header name" })
      .refine((name) => !NOT_HERE.test(name), {
        message: "cannot be set here; keys have a field of their own",
      })
      .describe("A header's name; none that carries credentials or belongs to the connection."),
    value: z
      .string()
      .max(4_096)
      .regex(/^[\t\x20-\x7e]*$/, { message: "must be printable ASCII" })
      .describe("Its value."),
  })
  .strict();

const field = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, { message: "is no field of a request" });

const provider = {
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, { message: "must be lower case letters, digits and hyphens" })
    .refine((name) => !["auto", "slm", "llm"].includes(name), {
      message: "means something else in a model's name",
    })
    .describe("The prefix in a model's name, `groq/llama-…`. A known provider's name changes that provider."),
  baseUrl: z
    .string()
    .max(2_048)
    .nullable()
    .default(null)
    .describe("Where its API is; null: where a known provider's is."),
  speaks: z
    .array(z.enum(WIRE_DIALECTS))
    .min(1)
    .max(WIRE_DIALECTS.length)
    .nullable()
    .default(null)
    .describe("The dialects that it speaks; null: a known provider's own, or chat."),
  headers: z
    .array(header)
    .max(16)
    .default([])
    .describe("Sent with every request; they win over the client's."),
  lacks: z
    .array(lacking)
    .max(16)
    .nullable()
    .default(null)
    .describe(
      "What its models cannot honour: calls that need it go elsewhere. Null: a known provider's own.",
    ),
  renames: z
    .array(
      z.object({ from: field.describe("OpenAI's name of it."), to: field.describe("Its own.") }).strict(),
    )
    .max(16)
    .default([])
    .describe("Fields of a chat request that it has under another name."),
  omits: z
    .array(field)
    .max(32)
    .default([])
    .describe("Fields of a chat request that it refuses and that change nothing in the answer."),
  developerRole: z
    .boolean()
    .default(true)
    .describe("False where it does not know the role `developer`: sent as `system`."),
};

const key = {
  name: z.string().min(1).max(64).default("default").describe("Tells the keys of a provider apart."),
  weight: z
    .number()
    .min(0)
    .max(1_000_000)
    .default(1)
    .describe("The share of the calls that go out with it, beside the others' weights; 0: none."),
};

/** A provider's key as it is stored: AES-256-GCM, base64url (`security/sealed-key.ts`). */
export const sealedKey = z.object({ keyId: z.string(), iv: z.string(), ciphertext: z.string() }).strict();

const storedKey = z.object({ ...key, sealed: sealedKey.nullable().default(null) }).strict();

/** What the setting `providers` is described as. */
export const PROVIDERS_SETTING = "Cloud providers beside those of the environment, and changes to those.";

const KEYS = "Its keys; none: the environment's key is used, at the environment's URL alone.";
const HAS_KEY = "Whether there is a key; only in answers.";

/** As stored. */
export const storedProvider = z
  .object({ ...provider, keys: z.array(storedKey).max(32).default([]) })
  .strict();

/** As the API takes it: a key is written and never read; `hasKey` is what `GET` says, and is ignored. */
export const providerInput = z
  .object({
    ...provider,
    keys: z
      .array(
        z
          .object({
            ...key,
            key: z
              .string()
              .min(1)
              .max(1_000)
              .regex(/^[\x21-\x7e]+$/, { message: "has characters that no key has" })
              .optional()
              .describe("Written and never read. Left out: the one that is stored under this name stays."),
            hasKey: z.boolean().optional().describe(HAS_KEY),
          })
          .strict(),
      )
      .max(32)
      .default([])
      .describe(KEYS),
  })
  .strict();

/** As the API shows it. */
export const providerOutput = z
  .object({
    ...provider,
    keys: z.array(z.object({ ...key, hasKey: z.boolean().describe(HAS_KEY) }).strict()).describe(KEYS),
  })
  .strict();

export type StoredProvider = z.infer<typeof storedProvider>;
export type StoredKey = z.infer<typeof storedKey>;
export type ProviderInput = z.infer<typeof providerInput>;
