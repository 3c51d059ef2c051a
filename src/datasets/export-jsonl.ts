import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import { type ItemQuery, itemSizes, readItems } from "./dataset-store.ts";
import { lineOf } from "./fine-tuning-line.ts";
import { openItem } from "./item.ts";

/** Sizes asked for at once: with them a set of any size takes few queries, of which a request may make a thousand. */
const SIZES = 1_000;
/** Ciphertext read at once; bytes. */
const AT_ONCE_BYTES = 4 * 1024 * 1024;

/** A range of items that is read at once: after one id, up to another. */
interface Range {
  after: string;
  upTo: string;
}

async function* ranges(query: ItemQuery): AsyncGenerator<Range> {
  let after = "";
  for (;;) {
    const sizes = await itemSizes({ ...query, after, limit: SIZES });
    let bytes = 0;
    for (const [at, size] of sizes.entries()) {
      bytes += size.bytes;
      if (bytes < AT_ONCE_BYTES && at < sizes.length - 1) continue;
      yield { after, upTo: size.id };
      after = size.id;
      bytes = 0;
    }
    if (sizes.length < SIZES) return;
  }
}

function unreadable(itemId: string, why: string): RouteletError {
  return new RouteletError({
    kind: "internal",
    code: "item_unreadable",
    message: `The item \`${itemId}\` cannot be opened (${why}). Set ROUTELET_SECRET_PREVIOUS to the secret that it was made under.`,
  });
}

async function* chunks(env: Env, query: ItemQuery): AsyncGenerator<string> {
  for await (const range of ranges(query)) {
    const lines: string[] = [];
    for (const row of await readItems({ ...query, ...range })) {
      const opened = await openItem(env, row);
      if ("failed" in opened) throw unreadable(row.itemId, opened.failed);
      const line = lineOf(opened.example, row.nodesOnly);
      if (line === null) throw unreadable(row.itemId, "it has not the form that it had");
      lines.push(`${JSON.stringify(line)}\n`);
    }
    yield lines.join("");
  }
}

/**
 * A set's items as lines of the fine-tuning format, as they are read. The first are read before it resolves, so that what
 * cannot be read at all is an error and no half file; what fails later breaks the stream off.
 * @throws RouteletError `item_unreadable`; what D1 threw.
 */
export async function exportLines(env: Env, query: ItemQuery): Promise<ReadableStream<Uint8Array>> {
  const encoder = new TextEncoder();
  const rest = chunks(env, query);
  let next = await rest.next();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (next.done) return controller.close();
      controller.enqueue(encoder.encode(next.value));
      next = await rest.next();
    },
    async cancel() {
      await rest.return(undefined);
    },
  });
}
