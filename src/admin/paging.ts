import { z } from "@hono/zod-openapi";
import { RouteletError } from "../errors.ts";
import { fromBase64Url, toBase64Url } from "../security/base64url.ts";

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().min(1).max(256).optional().openapi({ description: "`next_cursor` of the page before." }),
};

/** The fields that every list has beside its `data`. */
export const pageFields = {
  object: z.literal("list"),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
};

/** Opaque to clients, so that its form may change; ids of one list below this one come next. */
export function encodeCursor(id: string): string {
  return toBase64Url(new TextEncoder().encode(id));
}

/** @throws RouteletError `invalid_cursor`. */
export function decodeCursor(options: { cursor: string; isId: (text: string) => boolean }): string {
  const bytes = fromBase64Url(options.cursor);
  const id = bytes === null ? "" : new TextDecoder().decode(bytes);
  if (options.isId(id)) return id;
  throw new RouteletError({
    kind: "invalid_request",
    code: "invalid_cursor",
    message: "`cursor` must be the `next_cursor` of an earlier page of this list.",
    param: "cursor",
  });
}

export function pageOf<Item>(options: { data: Item[]; next: string | null }) {
  return {
    object: "list" as const,
    data: options.data,
    has_more: options.next !== null,
    next_cursor: options.next === null ? null : encodeCursor(options.next),
  };
}
