/** A number is an unsigned one of 32 bits, unless it says otherwise. */
type Value = string | number | boolean | string[] | { f32: number } | { i32: number[] };
export type Pair = [key: string, value: Value];

export interface SmallTensor {
  name: string;
  dimensions: number[];
  /** `ggml_type`; 0 is F32. */
  type: number;
  offset: number;
}

/** A valid GGUF file (version 3) with these header values and tensors, and `padding` bytes behind. */
export function smallGguf(
  pairs: Pair[] = [["general.architecture", "llama"]],
  padding = 0,
  tensors: SmallTensor[] = [],
): Buffer {
  const parts: Buffer[] = [Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(pairs.length)];
  for (const [key, value] of pairs) parts.push(text(key), ...encode(value));
  for (const tensor of tensors) {
    parts.push(text(tensor.name), u32(tensor.dimensions.length), ...tensor.dimensions.map(u64));
    parts.push(u32(tensor.type), u64(tensor.offset));
  }
  if (tensors.length > 0) parts.push(Buffer.alloc(-Buffer.concat(parts).length & 31));
  parts.push(Buffer.alloc(padding, "w"));
  return Buffer.concat(parts);
}

/** A valid GGUF file whose tensors hold these numbers. */
export function ggufWithData(
  pairs: Pair[],
  tensors: { name: string; dimensions: number[]; data: Float32Array }[],
): Buffer {
  let offset = 0;
  const placed: SmallTensor[] = [];
  const blocks: Buffer[] = [];
  for (const { name, dimensions, data } of tensors) {
    placed.push({ name, dimensions, type: 0, offset });
    const bytes = Buffer.alloc(Math.ceil(data.byteLength / 32) * 32);
    data.forEach((value, index) => void bytes.writeFloatLE(value, index * 4));
    blocks.push(bytes);
    offset += bytes.length;
  }
  return Buffer.concat([smallGguf(pairs, 0, placed), ...blocks]);
}

function encode(value: Value): Buffer[] {
  if (typeof value === "string") return [u32(8), text(value)];
  if (typeof value === "boolean") return [u32(7), Buffer.from([value ? 1 : 0])];
  if (Array.isArray(value)) return [u32(9), u32(8), u64(value.length), ...value.map(text)];
  if (typeof value === "number") return [u32(4), u32(value)];
  if ("f32" in value) return [u32(6), f32(value.f32)];
  return [u32(9), u32(5), u64(value.i32.length), ...value.i32.map(u32)];
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([u64(bytes.length), bytes]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
