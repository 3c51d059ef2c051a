import { ACCOUNT_FAMILIES } from "../../backends/providers/routes.ts";
import { RouteletError } from "../../errors.ts";
import { DEFAULT_PROJECT } from "../../security/caller.ts";
import type { Settings } from "../../settings.ts";
import type { PassedPath } from "./passed-path.ts";

/**
 * Keeps a project out of what lies in the provider's account: files and the like are of all who have its key, and one
 * project must not read another's.
 *
 * @throws RouteletError `provider_account_closed`.
 */
export function assertAccountOpen(options: {
  setting: Settings["providerAccount"];
  projectId: string;
  route: PassedPath;
}): void {
  const { setting, projectId, route } = options;
  if (!ACCOUNT_FAMILIES.has(route.family)) return;
  if (setting === "on" || (setting === "auto" && projectId === DEFAULT_PROJECT)) return;
  throw new RouteletError({
    kind: "permission",
    code: "provider_account_closed",
    message: `${route.endpoint} is about what lies in the provider's account, which this project does not share. An operator can allow it by the setting \`provider_account\`.`,
  });
}
