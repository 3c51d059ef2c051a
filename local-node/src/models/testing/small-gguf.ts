type Pair = [key: string, value: string | number | boolean | string[]];

/** A valid GGUF file (version 3) with these header values, no tensors, and `padding` bytes behind. */
export function smallGguf(pairs: Pair[] = [["general.architecture", "llama"]], padding = 0): Buffer {
  const parts: Buffer[] = [Buffer.from("GGUF"), u32(3), u64(0), u64(pairs.length)];
  for (const [key, value] of pairs) parts.push(text(key), ...encode(value));
  parts.push(Buffer.alloc(padding, "w"));
  return Buffer.concat(parts);
}

function encode(value: Pair[1]): Buffer[] {
  if (typeof value === "string") return [u32(8), text(value)];
  if (typeof value === "boolean") return [u32(7), Buffer.from([value ? 1 : 0])];
  if (Array.isArray(value)) return [u32(9), u32(8), u64(value.length), ...value.map(text)];
  return [u32(4), u32(value)];
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
