import { describe, expect, test } from "vitest";
import { missingPlatformPackages, platformOf } from "./platform-packages.ts";

describe("the platform in a native package's name", () => {
  test.each([
    ["@esbuild/linux-x64", { os: ["linux"], cpu: ["x64"], libc: ["glibc"] }],
    ["@biomejs/cli-linux-arm64-musl", { os: ["linux"], cpu: ["arm64"], libc: ["musl"] }],
    ["@oxc-parser/binding-linux-arm-musleabihf", { os: ["linux"], cpu: ["arm"], libc: ["musl"] }],
    ["@cloudflare/workerd-windows-64", { os: ["win32"], cpu: ["x64"] }],
    ["@node-llama-cpp/mac-arm64-metal", { os: ["darwin"], cpu: ["arm64"] }],
  ])("%s", (name, platform) => expect(platformOf(name)).toEqual(platform));

  test("a name without one gives none", () => expect(platformOf("fsevents")).toBeUndefined());
});

describe("packages that a lockfile lacks", () => {
  const parent = { version: "1.0.0", dev: true, optionalDependencies: { "@x/cli-darwin-arm64": "1.0.0" } };

  test("one that is nowhere is described so that only its platform installs it", () => {
    expect(missingPlatformPackages({ "node_modules/@x/cli": parent })).toEqual({
      "node_modules/@x/cli-darwin-arm64": {
        version: "1.0.0",
        dev: true,
        optional: true,
        os: ["darwin"],
        cpu: ["arm64"],
      },
    });
  });

  test.each(["node_modules/@x/cli-darwin-arm64", "node_modules/a/node_modules/@x/cli-darwin-arm64"])(
    "one that npm would find at %s is not missing",
    (path) => {
      const packages = { "node_modules/a/node_modules/@x/cli": parent, [path]: { version: "1.0.0" } };
      expect(missingPlatformPackages(packages)).toEqual({});
    },
  );

  test("one that only another package's folder has is missing", () => {
    const packages = {
      "node_modules/a/node_modules/@x/cli": parent,
      "node_modules/b/node_modules/@x/cli-darwin-arm64": { version: "1.0.0" },
    };
    expect(Object.keys(missingPlatformPackages(packages))).toEqual(["node_modules/@x/cli-darwin-arm64"]);
  });
});
