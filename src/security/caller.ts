import type { Audience } from "../db/schema.ts";

/** Who calls, as far as routing and the ledger care. */
export interface Caller {
  /** `env` for the key of `ROUTELET_API_KEY`. */
  keyId: string;
  projectId: string;
  /** The reply's `model` repeats the requested name, for clients that price by it. */
  returnRequestedModel: boolean;
  audience: Audience;
}

/** The id of the key in `ROUTELET_API_KEY`, which stands in no table. */
export const ENV_KEY_ID = "env";
/** The project that every deployment has from its first migration on. */
export const DEFAULT_PROJECT = "default";
