import { chmod, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { NodeProblem } from "./node-problem.ts";
import { makeStateFolder } from "./state-folder.ts";

/** What the owner decided at `join`; a file to edit, read at every start. */
export const configSchema = z
  .object({
    gatewayUrl: z.url(),
    /** Plain http to a private address of the own network is allowed. */
    allowInsecureLan: z.boolean().default(false),
    engines: z
      .object({
        /**
         * The model that llama.cpp runs in a child process, or null for none. `ready`: the best that is in the cache,
         * else the starter. `best`: the best that fits this machine, fetched if need be. Else a reference.
         */
        embedded: z
          .object({
            model: z.string().min(1).default("ready"),
            /** Calls at once, and tokens of context for each; chosen by hardware and model when absent. */
            sequences: z.number().int().min(1).max(64).optional(),
            contextTokens: z.number().int().min(256).optional(),
          })
          .strict()
          .nullable()
          .prefault({}),
        /** OpenAI-compatible servers that the owner already runs. */
        attach: z
          .array(
            z
              .object({
                url: z.url(),
                apiKey: z.string().min(1).optional(),
                models: z.array(z.string()).optional(),
                /** `false`: ask the server no small questions to learn what its models can do; they count as chat only. */
                probe: z.boolean().optional(),
                /** Calls that it may have at once; 64 when absent. */
                slots: z.number().int().min(1).max(1_024).optional(),
              })
              .strict(),
          )
          .default([]),
      })
      .strict()
      .prefault({}),
    /** Calls that may wait for a free slot, over all engines; more are answered 429. */
    queueLimit: z.number().int().min(0).max(10_000).default(64),
  })
  .strict();
export type NodeConfig = z.infer<typeof configSchema>;

/**
 * Null when this machine has not joined yet.
 * @throws {NodeProblem} that names the file and the field.
 */
export async function loadConfig(path: string): Promise<NodeConfig | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new NodeProblem(
      "failed",
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`,
      error,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new NodeProblem(
      "failed",
      `${path} is not valid JSON. Correct it, or delete it and join again.`,
      error,
    );
  }
  const parsed = configSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new NodeProblem(
    "failed",
    `${path}: ${issue?.path.join(".") || "the file"}: ${issue?.message ?? "is wrong"}. Correct it.`,
  );
}

/** Mode 0600, since it may hold the key of an attached engine. */
export async function saveConfig(path: string, config: NodeConfig): Promise<void> {
  await makeStateFolder(dirname(path));
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  await chmod(temporary, 0o600);
  await rename(temporary, path);
}
