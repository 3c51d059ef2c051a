import type { RouteletError } from "../errors.ts";
import type { ClientDialect } from "./dialect.ts";

function never(dialect: string): never {
  throw new TypeError(`replies of other dialects are not translated into ${dialect}`);
}

/**
 * The renderers of a dialect whose calls have no internal form (`Call.request` is null): no reply of another dialect
 * ever reaches them, but an error may have to go into a stream that has begun.
 */
export function untranslated(options: {
  dialect: string;
  streamError: (error: RouteletError) => string;
}): Pick<ClientDialect, "renderReply" | "openRenderer"> {
  const { dialect, streamError } = options;
  return {
    renderReply: () => never(dialect),
    openRenderer: () => ({
      push: () => never(dialect),
      end: () => never(dialect),
      fail: streamError,
    }),
  };
}
