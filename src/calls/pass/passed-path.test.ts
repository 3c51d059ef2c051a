import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ROUTE_FAMILIES } from "../../backends/providers/routes.ts";
import { passedPath } from "./passed-path.ts";

const read = (path: string) => passedPath(new URL(path, "http://gateway"));

describe("passedPath", () => {
  it.each([
    ["/v1/audio/speech", "/audio/speech", "/v1/audio/speech"],
    ["/v1/files?purpose=batch&limit=2", "/files?purpose=batch&limit=2", "/v1/files"],
    ["/v1/files/file-abc/content", "/files/file-abc/content", "/v1/files/{id}/content"],
    [
      "/v1/vector_stores/vs_1/file_batches/b_2/cancel",
      "/vector_stores/vs_1/file_batches/b_2/cancel",
      "/v1/vector_stores/{id}/file_batches/{id}/cancel",
    ],
    ["/v1/fine_tuning/jobs/ft-1/events", "/fine_tuning/jobs/ft-1/events", "/v1/fine_tuning/jobs/{id}/events"],
  ])("reads %s, and shows no id to the ledger", (given, path, endpoint) => {
    expect(read(given)).toMatchObject({ path, endpoint });
  });

  it.each([
    "/v1/organization/admin_api_keys",
    "/v1/chat/completions",
    "/v1/filesystem",
    "/v1/",
    "/v2/files",
    "/v1/files/../organization/users",
    "/v1/files/%2e%2e/organization/users",
  ])("is null for %s", (path) => {
    expect(read(path)).toBeNull();
  });

  it("never leaves its family, whatever a server makes of what is escaped", () => {
    const piece = fc.constantFrom("..", ".", "%2e%2e", "%2F", "%5C", "\\", "a", "%25", "//", "organization");
    fc.assert(
      fc.property(fc.constantFrom(...ROUTE_FAMILIES), fc.array(piece, { maxLength: 6 }), (family, pieces) => {
        let passed: ReturnType<typeof read> = null;
        try {
          passed = read(`/v1/${family}/${pieces.join("/")}`);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: "invalid_path" });
        }
        if (passed === null) return;
        const decoded = new URL(decodeURIComponent(passed.path).replaceAll("\\", "/"), "http://provider");
        expect(decoded.pathname.split("/")[1]).toBe(passed.family);
      }),
    );
  });
});
