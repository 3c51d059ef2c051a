import { joinBytes } from "./bytes.ts";
import { RouteletError } from "./errors.ts";

/**
 * The largest request body, in bytes. A deployed isolate has 128 MB for all its calls, and a body is held as bytes,
 * as text and as the backend's copy.
 */
export const MAX_BODY_BYTES = 20 * 1024 * 1024;

function tooLarge(limit: number): RouteletError {
  const size = limit < 1024 * 1024 ? `${limit} bytes` : `${limit / 1024 / 1024} MiB`;
  const advice = limit === MAX_BODY_BYTES ? " Send less context, or images by URL." : "";
  return new RouteletError({
    kind: "too_large",
    code: "request_too_large",
    message: `The request body is larger than ${size}.${advice}`,
  });
}

/**
 * Reads a request's body whole, and stops as soon as it is known to be too large: at the headers where they
 * tell, else at the first byte over the limit.
 *
 * @throws RouteletError `request_too_large`.
 */
export async function readBody(request: Request, limit: number = MAX_BODY_BYTES): Promise<Uint8Array> {
  const declared = Number(request.headers.get("content-length") ?? Number.NaN);
  if (declared > limit) {
    await request.body?.cancel();
    throw tooLarge(limit);
  }
  if (declared >= 0) return new Uint8Array(await request.arrayBuffer());
  if (request.body === null) return new Uint8Array(0);
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > limit) {
      await reader.cancel();
      throw tooLarge(limit);
    }
    chunks.push(value);
  }
  return joinBytes(chunks);
}
