import { describe, expect, test, vi } from "vitest";
import { isolateTelemetry, type TelemetryEnv, telemetryConfig } from "./config.ts";

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };
const target = (env: TelemetryEnv) => telemetryConfig({ ...ENDPOINT, ...env }).target;

describe("where traces go", () => {
  test.each([
    ["http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"],
    ["http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"],
    ["https://api.example.com/otlp?x=1", "https://api.example.com/otlp/v1/traces?x=1"],
  ])("the endpoint %s is posted to at %s", (endpoint, url) => {
    expect(target({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })?.url).toBe(url);
  });

  test.each([{}, { OTEL_EXPORTER_OTLP_ENDPOINT: "" }, { OTEL_EXPORTER_OTLP_ENDPOINT: "  " }])(
    "without an endpoint tracing is off and says nothing (%o)",
    (env) => {
      expect(telemetryConfig(env)).toMatchObject({ target: null, captureContent: false, warnings: [] });
    },
  );

  test.each([
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, /grpc is not possible.*4318/],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "thrift" }, /http\/protobuf or http\/json/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" }, /not an http or https URL/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "nonsense" }, /not an http or https URL/],
  ])("%o turns tracing off with one clear warning", (env, message) => {
    const config = telemetryConfig({ ...ENDPOINT, ...env });
    expect(config.target).toBeNull();
    expect(config.warnings).toEqual([expect.stringMatching(message)]);
  });

  test("protobuf is the default, JSON is taken", () => {
    expect(target({})?.protocol).toBe("http/protobuf");
    expect(target({ OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" })?.protocol).toBe("http/json");
  });

  test("bodies are compressed unless the collector is on this machine", () => {
    expect(target({})?.compress).toBe(false);
    expect(target({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318" })?.compress).toBe(false);
    expect(target({ OTEL_EXPORTER_OTLP_ENDPOINT: "https://api.example.com" })?.compress).toBe(true);
  });
});

describe("headers", () => {
  test.each([
    ["api-key=abc", { "api-key": "abc" }],
    ["Authorization=Basic%20dXNlcjpwYXNz", { authorization: "Basic dXNlcjpwYXNz" }],
    ["authorization=Basic dXNlcg==,x-team=a%2Cb", { authorization: "Basic dXNlcg==", "x-team": "a,b" }],
    [" a = 1 , b=2 ", { a: "1", b: "2" }],
    ["", {}],
  ])("%s is read as %o", (list, headers) => {
    expect(target({ OTEL_EXPORTER_OTLP_HEADERS: list })?.headers).toEqual(headers);
  });

  test.each(["no-equals-sign-secret", "x=%E0%A4secret", "bad name=secret", "x=se%0Acret"])(
    "a wrong entry is left out and reported without its value (%s)",
    (list) => {
      const config = telemetryConfig({ ...ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: `ok=1,${list}` });
      expect(config.target?.headers).toEqual({ ok: "1" });
      expect(config.warnings).toHaveLength(1);
      expect(config.warnings.join()).not.toContain("secret");
    },
  );

  test("credentials in the endpoint become a header and leave the URL", () => {
    const found = target({ OTEL_EXPORTER_OTLP_ENDPOINT: "https://user:p%40ss@api.example.com" });
    expect(found?.url).toBe("https://api.example.com/v1/traces");
    expect(found?.headers).toEqual({ authorization: `Basic ${btoa("user:p@ss")}` });
  });
});

describe("the resource", () => {
  test.each([
    [{}, "routelet"],
    [{ OTEL_RESOURCE_ATTRIBUTES: "service.name=from-list" }, "from-list"],
    [{ OTEL_RESOURCE_ATTRIBUTES: "service.name=from-list", OTEL_SERVICE_NAME: "mine" }, "mine"],
  ])("%o names the service %s", (env, name) => {
    expect(target(env)?.resource.attributes["service.name"]).toBe(name);
  });

  test("other attributes are percent-decoded", () => {
    const resource = target({
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=my%20lab,a=b",
    })?.resource;
    expect(resource?.attributes).toMatchObject({ "deployment.environment.name": "my lab", a: "b" });
  });
});

describe("the sampler", () => {
  test.each([
    [undefined, undefined, "ParentBased{root=AlwaysOnSampler,"],
    ["always_on", undefined, "AlwaysOnSampler"],
    ["always_off", undefined, "AlwaysOffSampler"],
    ["traceidratio", "0.25", "TraceIdRatioBased{0.25}"],
    ["traceidratio", undefined, "TraceIdRatioBased{1}"],
    ["parentbased_always_on", undefined, "ParentBased{root=AlwaysOnSampler,"],
    ["parentbased_always_off", undefined, "ParentBased{root=AlwaysOffSampler,"],
    ["parentbased_traceidratio", "0.5", "ParentBased{root=TraceIdRatioBased{0.5},"],
  ])("%s with %s is %s", (name, argument, expected) => {
    const config = telemetryConfig({
      ...ENDPOINT,
      OTEL_TRACES_SAMPLER: name,
      OTEL_TRACES_SAMPLER_ARG: argument,
    });
    expect(config.sampler.toString().startsWith(expected)).toBe(true);
    expect(config.warnings).toEqual([]);
  });

  test.each([
    [{ OTEL_TRACES_SAMPLER: "xray" }, "ParentBased{root=AlwaysOnSampler,"],
    [{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" }, "TraceIdRatioBased{1}"],
    [{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "half" }, "TraceIdRatioBased{1}"],
  ])("%o is reported and the default used", (env, expected) => {
    const config = telemetryConfig({ ...ENDPOINT, ...env });
    expect(config.sampler.toString().startsWith(expected)).toBe(true);
    expect(config.warnings).toHaveLength(1);
  });
});

test.each([
  [undefined, false],
  ["NO_CONTENT", false],
  ["false", false],
  ["EVENT_ONLY", false],
  ["SPAN_ONLY", true],
  ["span_and_event", true],
  ["true", true],
])("content capture %s means %s", (value, captured) => {
  const config = telemetryConfig({ ...ENDPOINT, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: value });
  expect(config.captureContent).toBe(captured);
  expect(config.warnings).toEqual([]);
});

test("an unknown content setting captures nothing and is reported", () => {
  const config = telemetryConfig({
    ...ENDPOINT,
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: "maybe",
  });
  expect(config.captureContent).toBe(false);
  expect(config.warnings).toHaveLength(1);
});

test("an isolate reads its variables once and logs their faults once", () => {
  const log = vi.fn();
  const env = { ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" };
  expect(isolateTelemetry(env, log)).toBe(isolateTelemetry(env, log));
  expect(log).toHaveBeenCalledTimes(1);
  expect(JSON.parse(String(log.mock.calls[0]?.[0]))).toMatchObject({ event: "telemetry_config" });
});
