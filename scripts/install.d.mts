/** What stands between a checkout and a start. */
export function installState(root: string): { needed: false } | { needed: true; reason: string };
/** Runs `npm ci`; returns one line when it failed. */
export function install(root: string): string | undefined;
/** The environment without what is secret to Routelet and its providers. */
export function withoutSecrets(env: Record<string, string | undefined>): Record<string, string | undefined>;
