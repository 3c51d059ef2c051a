import { open } from "node:fs/promises";
import { ModelError } from "./model-error.ts";

/** Reads exactly `length` bytes at `position`; throws when the source is shorter. */
export type ReadAt = (position: number, length: number) => Promise<Uint8Array>;

/** What a GGUF file says of itself; enough to know whether it runs here. */
export interface GgufSummary {
  architecture: string;
  name: string | null;
  contextTokens: number | null;
  /** `Q4_K_M`, from the file type; null for a type that is not in the table. */
  quantisation: string | null;
  blocks: number | null;
  embedding: number | null;
  heads: number | null;
  keyValueHeads: number | null;
  hasChatTemplate: boolean;
  /** Bytes of key and value cache per token at 16 bits; null when the head counts are not plain numbers. */
  cacheBytesPerToken: number | null;
}

/** `llama_ftype` of llama.cpp's `include/llama.h`. */
const FILE_TYPES: Record<number, string> = {
  0: "F32",
  1: "F16",
  2: "Q4_0",
  3: "Q4_1",
  7: "Q8_0",
  8: "Q5_0",
  9: "Q5_1",
  10: "Q2_K",
  11: "Q3_K_S",
  12: "Q3_K_M",
  13: "Q3_K_L",
  14: "Q4_K_S",
  15: "Q4_K_M",
  16: "Q5_K_S",
  17: "Q5_K_M",
  18: "Q6_K",
  19: "IQ2_XXS",
  20: "IQ2_XS",
  21: "Q2_K_S",
  22: "IQ3_XS",
  23: "IQ3_XXS",
  24: "IQ1_S",
  25: "IQ4_NL",
  26: "IQ3_S",
  27: "IQ3_M",
  28: "IQ2_S",
  29: "IQ2_M",
  30: "IQ4_XS",
  31: "IQ1_M",
  32: "BF16",
  36: "TQ1_0",
  37: "TQ2_0",
  38: "MXFP4_MOE",
};

/** Bytes per element of the fixed-size value types; 8 is a string, 9 an array. */
const SIZES: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
const STRING = 8;
const ARRAY = 9;

const MAX_PAIRS = 100_000;
const MAX_ELEMENTS = 10_000_000;
const MAX_KEPT_STRING = 4096;

type Value = number | string | boolean;

/**
 * Reads the header of a GGUF file. Our own reader, since the one of node-llama-cpp costs 80 MB of memory and a
 * second in the supervisor, which otherwise never loads that library.
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 * @throws {ModelError} `not_a_model`
 */
export async function readGguf(readAt: ReadAt): Promise<GgufSummary> {
  const cursor = new Cursor(readAt);
  const magic = new TextDecoder("latin1").decode(await cursor.take(4));
  if (magic !== "GGUF") throw damaged("it does not begin with GGUF");
  const version = await cursor.u32();
  if (version < 2 || version > 3) throw damaged(`its format version is ${version}`);
  await cursor.u64();
  const pairs = await cursor.u64();
  if (pairs > MAX_PAIRS) throw damaged("its header is absurdly long");
  const values = new Map<string, Value>();
  for (let index = 0; index < pairs; index++) {
    const key = await cursor.text(MAX_KEPT_STRING);
    const value = await readValue(cursor, await cursor.u32());
    if (value !== null) values.set(key, value);
  }
  return summarise(values);
}

/** `readGguf` of a file on disk. */
export async function readGgufFile(path: string): Promise<GgufSummary> {
  const file = await open(path, "r");
  try {
    return await readGguf(async (position, length) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
      if (bytesRead === 0) throw damaged("it ends within its header");
      return buffer.subarray(0, bytesRead);
    });
  } finally {
    await file.close();
  }
}

function damaged(how: string): ModelError {
  return new ModelError("not_a_model", `The model file is damaged or not GGUF: ${how}. Fetch it again.`);
}

async function readValue(cursor: Cursor, type: number): Promise<Value | null> {
  if (type === STRING) return cursor.text(MAX_KEPT_STRING);
  if (type !== ARRAY) return cursor.scalar(type);
  const elementType = await cursor.u32();
  const length = await cursor.u64();
  if (length > MAX_ELEMENTS) throw damaged("its header is absurdly long");
  if (elementType === STRING) {
    for (let index = 0; index < length; index++) await cursor.skip(await cursor.u64());
    return null;
  }
  const size = SIZES[elementType];
  if (size === undefined) throw damaged(`it has values of the unknown type ${elementType}`);
  await cursor.skip(size * length);
  return null;
}

function summarise(values: Map<string, Value>): GgufSummary {
  const architecture = values.get("general.architecture");
  if (typeof architecture !== "string" || architecture === "") throw damaged("it names no architecture");
  const number = (key: string): number | null => {
    const value = values.get(key);
    return typeof value === "number" ? value : null;
  };
  const name = values.get("general.name");
  const blocks = number(`${architecture}.block_count`);
  const embedding = number(`${architecture}.embedding_length`);
  const heads = number(`${architecture}.attention.head_count`);
  const keyValueHeads = number(`${architecture}.attention.head_count_kv`) ?? heads;
  const headSize = embedding !== null && heads ? embedding / heads : null;
  const keyLength = number(`${architecture}.attention.key_length`) ?? headSize;
  const valueLength = number(`${architecture}.attention.value_length`) ?? headSize;
  return {
    architecture,
    name: typeof name === "string" ? name : null,
    contextTokens: number(`${architecture}.context_length`),
    quantisation: FILE_TYPES[number("general.file_type") ?? -1] ?? null,
    blocks,
    embedding,
    heads,
    keyValueHeads,
    hasChatTemplate: values.has("tokenizer.chat_template"),
    cacheBytesPerToken:
      blocks !== null && keyValueHeads !== null && keyLength !== null && valueLength !== null
        ? blocks * keyValueHeads * (keyLength + valueLength) * 2
        : null,
  };
}

const WINDOW = 64 * 1024;

/** A forward reader over a window, so that long token lists cost few reads and little memory. */
class Cursor {
  readonly #readAt: ReadAt;
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;
  #position = 0;

  constructor(readAt: ReadAt) {
    this.#readAt = readAt;
  }

  async take(length: number): Promise<Uint8Array> {
    let offset = this.#position - this.#start;
    if (offset < 0 || offset + length > this.#window.length) {
      this.#window = await this.#readAt(this.#position, Math.max(WINDOW, length));
      this.#start = this.#position;
      offset = 0;
      if (this.#window.length < length) throw damaged("it ends within its header");
    }
    this.#position += length;
    return this.#window.subarray(offset, offset + length);
  }

  async skip(length: number): Promise<void> {
    this.#position += length;
  }

  async #view(length: number): Promise<DataView> {
    const bytes = await this.take(length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  async u32(): Promise<number> {
    return (await this.#view(4)).getUint32(0, true);
  }

  async u64(): Promise<number> {
    const value = (await this.#view(8)).getBigUint64(0, true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged("it has an impossible length");
    return Number(value);
  }

  /** A string; beyond `kept` bytes only its beginning. */
  async text(kept: number): Promise<string> {
    const length = await this.u64();
    const bytes = await this.take(Math.min(length, kept));
    const text = new TextDecoder().decode(bytes);
    await this.skip(length - Math.min(length, kept));
    return text;
  }

  async scalar(type: number): Promise<Value> {
    const size = SIZES[type];
    if (size === undefined) throw damaged(`it has values of the unknown type ${type}`);
    const view = await this.#view(size);
    switch (type) {
      case 0:
        return view.getUint8(0);
      case 1:
        return view.getInt8(0);
      case 2:
        return view.getUint16(0, true);
      case 3:
        return view.getInt16(0, true);
      case 4:
        return view.getUint32(0, true);
      case 5:
        return view.getInt32(0, true);
      case 6:
        return view.getFloat32(0, true);
      case 7:
        return view.getUint8(0) !== 0;
      case 10:
        return Number(view.getBigUint64(0, true));
      case 11:
        return Number(view.getBigInt64(0, true));
      default:
        return view.getFloat64(0, true);
    }
  }
}
