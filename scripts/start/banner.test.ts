import { expect, test } from "vitest";
import { configuredProviders } from "../../src/backends/providers/registry.ts";
import { addressesOf } from "./addresses.ts";
import { cloudLine, exposureLines, nothingAnswersLines, servedLines, withoutNodeLines } from "./banner.ts";

test("the starter is called a demo model, another model is not", () => {
  const starterId = "tiny";
  expect(servedLines({ models: ["tiny"], starterId }).join("\n")).toContain("tiny demo model");
  expect(servedLines({ models: ["big"], starterId })).toEqual(["The local node serves big."]);
});

test("the cloud providers are named, or how to have one", () => {
  expect(
    configuredProviders({ OPENAI_BASE_URL: "http://127.0.0.1:9/v1", ANTHROPIC_API_KEY: "k" }, { ai: false }),
  ).toEqual(["anthropic", "openai"]);
  expect(cloudLine(["openai", "anthropic"])).toBe("Cloud providers: openai, anthropic.");
  expect(cloudLine(configuredProviders({}, { ai: false }))).toContain("OPENAI_API_KEY");
});

test("a node that cannot run is explained in its own words, and calls go to the cloud only where there is one", () => {
  expect(withoutNodeLines({ problem: "no_model", hasCloud: true }).join("\n")).toMatch(
    /no model[\s\S]*ROUTELET_MODEL[\s\S]*to the cloud/,
  );
  expect(withoutNodeLines({ problem: "failed", hasCloud: false }).join("\n")).not.toMatch(
    /cloud|ROUTELET_MODEL/,
  );
  expect(nothingAnswersLines("idle").join("\n")).toMatch(/Nothing can answer[\s\S]*engine/);
});

test("another address is exposed with a warning and the command for a second machine", () => {
  const { local, outside } = addressesOf({ host: "192.168.1.5", port: 8787 });
  expect(local).toBe("http://192.168.1.5:8787");
  expect(exposureLines({ host: "192.168.1.5", urls: outside, joinToken: "rlj_x" }).join("\n")).toMatch(
    /not encrypted[\s\S]*ROUTELET_JOIN_TOKEN=rlj_x npm run node -- join http:\/\/192\.168\.1\.5:8787 --allow-insecure-lan/,
  );
  for (const host of ["127.0.0.1", "localhost", "::1"])
    expect(addressesOf({ host, port: 1 }).outside).toEqual([]);
});
