import { RouteletError } from "../errors.ts";

/** `openai=sk-…, groq=gsk-…`: each key is for one provider, so that a fallback never shows it to another. */
export const PROVIDER_KEY_HEADER = "x-routelet-provider-key";
const PAIR = /^([a-z0-9][a-z0-9-]{0,31})=([\x21-\x2b\x2d-\x7e]{1,1000})$/;

/**
 * The keys of providers that a caller sends along, by provider; empty where it sends none. They are used in place of the
 * gateway's, and kept nowhere.
 *
 * @throws RouteletError `provider_key_not_allowed` where the settings do not allow it: the operator's key must not pay
 *   for who meant to use another. `invalid_provider_key`.
 */
export function callerKeys(options: { headers: Headers; allowed: boolean }): ReadonlyMap<string, string> {
  const value = options.headers.get(PROVIDER_KEY_HEADER);
  if (value === null) return NONE;
  if (!options.allowed) {
    throw new RouteletError({
      kind: "permission",
      code: "provider_key_not_allowed",
      message: `This gateway takes no provider keys of callers: leave \`${PROVIDER_KEY_HEADER}\` out, or ask the operator for the setting \`pass_provider_key\`.`,
    });
  }
  const pairs = value.split(",").map((pair) => PAIR.exec(pair.trim()));
  return new Map(
    pairs.map((pair) => {
      const [, provider, key] = pair ?? [];
      if (provider === undefined || key === undefined) {
        throw new RouteletError({
          kind: "invalid_request",
          code: "invalid_provider_key",
          message: `\`${PROVIDER_KEY_HEADER}\` must be \`<provider>=<key>\`, for example \`openai=sk-…\`; several are separated by commas.`,
        });
      }
      return [provider, key];
    }),
  );
}

const NONE: ReadonlyMap<string, string> = new Map();
