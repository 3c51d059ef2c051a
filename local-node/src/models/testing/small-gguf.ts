type Value = string | number | boolean | string[];
type Pair = [key: string, value: Value];

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

function encode(value: Value): Buffer[] {
  if (typeof value === "string") return [u32(8), text(value)];
  if (typeof value === "boolean") return [u32(7), Buffer.from([value ? 1 : 0])];
  if (Array.isArray(value)) return [u32(9), u32(8), u64(value.length), ...value.map(text)];
  return [u32(4), u32(value)];
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

export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
