/** What stands between a checkout and a start. */
export function installState(root: string): { needed: false } | { needed: true; reason: string };
/** Runs `npm ci`; returns one line when it failed. */
export function install(root: string): string | undefined;
