import { Cursor, damaged, type ReadAt } from "./cursor.ts";
import { tensorBytes } from "./tensor-types.ts";

export type GgufValue = number | string | boolean;

export interface GgufTensor {
  name: string;
  /** The fastest varying one first. */
  dimensions: number[];
}

/** What stands before the weights. */
export interface GgufHeader {
  /** Numbers, strings (long ones cut) and booleans by key. */
  values: Map<string, GgufValue>;
  /** Lengths of arrays by key. */
  lengths: Map<string, number>;
  tensors: GgufTensor[];
}

/** Bytes per element of the fixed-size value types; 8 is a string, 9 an array. */
const SIZES: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
const STRING = 8;
const ARRAY = 9;

/** Far above every real file: a large vocabulary has 1.3 million elements, a large model 2,000 tensors. */
const MAX_PAIRS = 4_096;
const MAX_ELEMENTS = 8_000_000;
const MAX_TENSORS = 65_536;
const MAX_DIMENSIONS = 4;
const MAX_NAME = 4_096;
const KEPT_TEXT = 4_096;
const DEFAULT_ALIGNMENT = 32;

/**
 * Reads the header of a GGUF file of `size` bytes and checks that all of its tensors lie within the file. What
 * llama.cpp's own reader refuses is refused here too, before a process is started for it, and absurd counts as well.
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 * @throws {ModelError} `not_a_model`
 */
export async function readGgufHeader(readAt: ReadAt, size: number): Promise<GgufHeader> {
  const cursor = new Cursor(readAt, size);
  if (size < 24 || (await cursor.u32()) !== MAGIC) throw damaged("it does not begin with GGUF");
  const version = await cursor.u32();
  if (version < 2 || version > 3) throw damaged(`its format version is ${version}`);
  const tensorCount = await cursor.u64();
  const pairs = await cursor.u64();
  if (pairs > MAX_PAIRS || tensorCount > MAX_TENSORS) throw damaged("its header is absurdly long");
  const header: GgufHeader = { values: new Map(), lengths: new Map(), tensors: [] };
  let elements = 0;
  for (let index = 0; index < pairs; index++) {
    elements += await readPair(cursor, header);
    if (elements > MAX_ELEMENTS) throw damaged("its header is absurdly long");
  }
  const ends = await readTensors(cursor, header, tensorCount);
  const alignment = header.values.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  if (typeof alignment !== "number" || !Number.isInteger(Math.log2(alignment))) {
    throw damaged(`its alignment is ${alignment}`);
  }
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const missing = dataStart + ends - size;
  if (tensorCount > 0 && missing > 0) throw damaged(`${missing} bytes are missing at its end`);
  return header;
}

/** `GGUF` in ASCII. */
const MAGIC = 0x46554747;

/** Returns how many elements it held. */
async function readPair(cursor: Cursor, { values, lengths }: GgufHeader): Promise<number> {
  const key = await cursor.text(MAX_NAME);
  if (key === "" || values.has(key) || lengths.has(key)) throw damaged("its header has a key twice, or none");
  const type = await cursor.u32();
  if (type === STRING) {
    values.set(key, await cursor.text(KEPT_TEXT));
    return 1;
  }
  if (type !== ARRAY) {
    values.set(key, await scalar(cursor, type));
    return 1;
  }
  const elementType = await cursor.u32();
  const length = await cursor.u64();
  if (elementType === ARRAY) throw damaged("it has arrays within arrays");
  if (length > MAX_ELEMENTS) throw damaged("its header is absurdly long");
  lengths.set(key, length);
  if (elementType === STRING) await cursor.skipTexts(length);
  else cursor.skip(sizeOf(elementType) * length);
  return length;
}

/** Returns where the last tensor ends, from the beginning of the data. */
async function readTensors(cursor: Cursor, { tensors }: GgufHeader, count: number): Promise<number> {
  const names = new Set<string>();
  let end = 0;
  for (let index = 0; index < count; index++) {
    const name = await cursor.text(MAX_NAME);
    if (names.has(name)) throw damaged(`it has the tensor ${name.slice(0, 64)} twice`);
    names.add(name);
    const rank = await cursor.u32();
    if (rank > MAX_DIMENSIONS) throw damaged(`a tensor has ${rank} dimensions`);
    const dimensions: number[] = [];
    for (let axis = 0; axis < rank; axis++) dimensions.push(await cursor.u64());
    const type = await cursor.u32();
    const offset = await cursor.u64();
    tensors.push({ name, dimensions });
    const bytes = tensorBytes(type, dimensions) ?? 0;
    if (!Number.isSafeInteger(offset + Math.ceil(bytes))) throw damaged("a tensor is absurdly large");
    end = Math.max(end, offset + Math.ceil(bytes));
  }
  return end;
}

function sizeOf(type: number): number {
  const size = SIZES[type];
  if (size === undefined) throw damaged(`it has values of the unknown type ${type}`);
  return size;
}

async function scalar(cursor: Cursor, type: number): Promise<GgufValue> {
  const view = await cursor.view(sizeOf(type));
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
