import { expect, it } from "vitest";
import { assertAccountOpen } from "./account.ts";
import { passedPath } from "./passed-path.ts";

it.each([
  ["auto", "default", "/v1/files", true],
  ["auto", "other", "/v1/files/file-of-default/content", false],
  ["auto", "other", "/v1/batches", false],
  ["auto", "other", "/v1/vector_stores/vs_1/search", false],
  ["auto", "other", "/v1/moderations", true],
  ["on", "other", "/v1/files", true],
  ["off", "default", "/v1/files", false],
  ["off", "default", "/v1/audio/speech", true],
] as const)(
  "what lies in the provider's account is, with `%s`, open to project %s at %s: %s",
  (setting, projectId, path, open) => {
    const route = passedPath(new URL(path, "http://gateway"));
    if (route === null) throw new Error(`${path} is of no family`);
    const enter = () => assertAccountOpen({ setting, projectId, route });
    if (open) expect(enter).not.toThrow();
    else expect(enter).toThrow(expect.objectContaining({ code: "provider_account_closed", status: 403 }));
  },
);
