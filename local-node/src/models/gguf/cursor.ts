import { ModelError } from "../model-error.ts";

/** Reads up to `length` bytes at `position`; fewer where the source ends. */
export type ReadAt = (position: number, length: number) => Promise<Uint8Array>;

/** A GGUF file cannot be read; `how` completes "it …". */
export function damaged(how: string): ModelError {
  return new ModelError(
    "not_a_model",
    `The model file is damaged or not GGUF: ${how}. Put a whole one in its place.`,
  );
}

const WINDOW = 256 * 1024;

/** The longest real header (a vocabulary of 262,144 tokens with its merges) has 16 MB. */
const MAX_HEADER_BYTES = 256 * 1024 * 1024;

/** A forward reader over a window: long token lists cost few reads and little memory, and no length is believed. */
export class Cursor {
  readonly #readAt: ReadAt;
  readonly #size: number;
  #window: DataView = new DataView(new ArrayBuffer(0));
  #offset = 0;
  /** Where the window begins in the file. */
  #start = 0;

  constructor(readAt: ReadAt, size: number) {
    this.#readAt = readAt;
    this.#size = size;
  }

  get position(): number {
    return this.#start + this.#offset;
  }

  async u32(): Promise<number> {
    await this.#need(4);
    const value = this.#window.getUint32(this.#offset, true);
    this.#offset += 4;
    return value;
  }

  async u64(): Promise<number> {
    await this.#need(8);
    return this.#u64();
  }

  async view(length: number): Promise<DataView> {
    await this.#need(length);
    const view = new DataView(this.#window.buffer, this.#window.byteOffset + this.#offset, length);
    this.#offset += length;
    return view;
  }

  /** A string; beyond `kept` bytes only its beginning. */
  async text(kept: number): Promise<string> {
    const length = await this.u64();
    const view = await this.view(Math.min(length, kept));
    const text = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    this.skip(length - view.byteLength);
    return text;
  }

  skip(length: number): void {
    const end = this.position + length;
    if (end > this.#size) throw damaged("it ends within its header");
    if (end > MAX_HEADER_BYTES) throw damaged("its header is absurdly long");
    this.#offset += length;
  }

  /** Many short strings in a row, mostly without waiting for each. */
  async skipTexts(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      if (this.#offset + 8 > this.#window.byteLength) await this.#need(8);
      this.skip(this.#u64());
    }
  }

  #u64(): number {
    const high = this.#window.getUint32(this.#offset + 4, true);
    const value = high * 2 ** 32 + this.#window.getUint32(this.#offset, true);
    if (!Number.isSafeInteger(value)) throw damaged("it has an impossible length");
    this.#offset += 8;
    return value;
  }

  async #need(length: number): Promise<void> {
    if (this.#offset + length <= this.#window.byteLength) return;
    const position = this.position;
    if (position + length > this.#size) throw damaged("it ends within its header");
    const bytes = await this.#readAt(position, Math.min(this.#size - position, Math.max(WINDOW, length)));
    if (bytes.length < length) throw damaged("it ends within its header");
    this.#window = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#start = position;
    this.#offset = 0;
  }
}
