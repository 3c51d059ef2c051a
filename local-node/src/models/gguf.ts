import { open } from "node:fs/promises";
import { damaged, type ReadAt } from "./gguf/cursor.ts";
import { FILE_TYPES } from "./gguf/file-types.ts";
import { type GgufHeader, readGgufHeader } from "./gguf/header.ts";

/** What a GGUF file says of itself. */
export interface GgufSummary {
  architecture: string;
  name: string | null;
  /** `model` where it does not say. */
  type: string;
  contextTokens: number | null;
  /** How tokens become one vector (`llama_pooling_type`); null where the file says nothing. */
  pooling: number | null;
  /** `Q4_K_M`, from the file type; null for a type that is not in the table. */
  quantisation: string | null;
  hasChatTemplate: boolean;
}

/**
 * Reads the header of a GGUF file of `size` bytes. Our own reader, since the one of node-llama-cpp costs 80 MB of
 * memory and a second in the supervisor, which otherwise never loads that library, and trusts what the file says.
 * @throws {ModelError} `not_a_model`
 */
export async function readGguf(readAt: ReadAt, size: number): Promise<GgufSummary> {
  return summarise(await readGgufHeader(readAt, size));
}

/** `readGguf` of a file on disk. */
export async function readGgufFile(path: string): Promise<GgufSummary> {
  return summarise(await readGgufHeaderOf(path));
}

/** All that stands before the weights of a file on disk. @throws {ModelError} `not_a_model` */
export async function readGgufHeaderOf(path: string): Promise<GgufHeader> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    return await readGgufHeader(async (position, length) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
      return buffer.subarray(0, bytesRead);
    }, size);
  } finally {
    await file.close();
  }
}

/** @throws {ModelError} `not_a_model` where it names no architecture */
export function summarise({ values }: GgufHeader): GgufSummary {
  const text = (key: string): string | null => {
    const value = values.get(key);
    return typeof value === "string" ? value : null;
  };
  const number = (key: string): number | null => {
    const value = values.get(key);
    return typeof value === "number" ? value : null;
  };
  const architecture = text("general.architecture");
  if (!architecture) throw damaged("it names no architecture");
  return {
    architecture,
    name: text("general.name"),
    type: text("general.type") ?? "model",
    contextTokens: number(`${architecture}.context_length`),
    pooling: number(`${architecture}.pooling_type`),
    quantisation: FILE_TYPES[number("general.file_type") ?? -1] ?? null,
    hasChatTemplate: values.has("tokenizer.chat_template"),
  };
}
