import { RouteletError } from "../errors.ts";
import { secretFingerprint } from "../security/encryption.ts";

/** The header in which a request carries the gateways that it has passed (RFC 8586). */
export const LOOP_HEADER = "cdn-loop";

const NAME = "routelet";

function ownMark(fingerprint: string): string {
  return `${NAME};id=${fingerprint}`;
}

/**
 * The marks of gateways of this kind in a header. Others' marks are of no use here, and a network before us may count
 * its own.
 */
function marksIn(header: string | null): string[] {
  const marks = (header ?? "").split(",").map((mark) => mark.replaceAll(/[\s"]/g, "").toLowerCase());
  return marks.filter((mark) => mark === NAME || mark.startsWith(`${NAME};`));
}

/** The header's value for a request to a cloud provider: whom the call has passed, and this gateway. */
export async function loopMark(options: { client: Headers; secret: string }): Promise<string> {
  const own = ownMark(await secretFingerprint(options.secret));
  return [...marksIn(options.client.get(LOOP_HEADER)), own].join(", ");
}

/**
 * Refuses a call that this gateway has sent itself, by whatever way it came back.
 *
 * @throws RouteletError `loop_detected`, 508 (RFC 5842 section 7.2).
 */
export async function assertNoLoop(options: { client: Headers; secret: string }): Promise<void> {
  const marks = marksIn(options.client.get(LOOP_HEADER));
  if (marks.length === 0) return;
  if (!marks.includes(ownMark(await secretFingerprint(options.secret)))) return;
  throw new RouteletError({
    kind: "internal",
    status: 508,
    code: "loop_detected",
    message:
      "This call came from this gateway itself: a provider's base URL leads back to it. Set OPENAI_BASE_URL, ANTHROPIC_BASE_URL or the provider's `base_url` in the settings to the provider's own server; the gateway's URL is for agents.",
  });
}
