import { parseKeyPairsIntoRecord } from "@opentelemetry/core";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace";
import type { Env } from "../env.ts";

/** The variables that OpenTelemetry defines and this gateway reads. */
export type TelemetryEnv = Pick<Env, Extract<keyof Env, `OTEL_${string}`>>;

/** Where traces go and what they hold. Plain data but for the sampler and the resource, which are immutable. */
export interface TelemetryConfig {
  /** Null: tracing is off, and nothing but the passing on of the caller's trace context is done. */
  target: ExportTarget | null;
  sampler: Sampler;
  /** Messages are written into the attempts' spans. */
  captureContent: boolean;
  /** What was wrong with the variables, for the operator's log; never a value of a header. */
  warnings: string[];
}

export interface ExportTarget {
  /** The full URL of the traces signal, without credentials. */
  url: string;
  protocol: "http/protobuf" | "http/json";
  /** Credentials among them: never logged. */
  headers: Record<string, string>;
  resource: Resource;
  /** Compressing costs more CPU than it saves on the loopback interface. */
  compress: boolean;
}

/**
 * Reads the OpenTelemetry variables: pure, and done once per isolate by `isolateTelemetry`.
 * A wrong value never stops a call: it is reported in `warnings`, and the default or "off" is used.
 *
 * Follows the OTLP exporter and SDK environment variable specifications. gRPC is refused: a Worker has
 * no HTTP/2 trailers.
 */
export function telemetryConfig(env: TelemetryEnv): TelemetryConfig {
  const warnings: string[] = [];
  const warn = (message: string): void => {
    warnings.push(message);
  };
  const target = exportTarget(env, warn);
  return {
    target,
    sampler: target === null ? new AlwaysOffSampler() : sampler(env, warn),
    captureContent: target !== null && captureContent(env, warn),
    warnings,
  };
}

let memo: { env: TelemetryEnv; config: TelemetryConfig } | undefined;

/** The configuration of this isolate, read once; its warnings are logged at that moment, one JSON line each. */
export function isolateTelemetry(
  env: TelemetryEnv,
  log: (line: string) => void = console.warn,
): TelemetryConfig {
  if (memo !== undefined && memo.env === env) return memo.config;
  const config = telemetryConfig(env);
  for (const message of config.warnings) log(JSON.stringify({ event: "telemetry_config", message }));
  memo = { env, config };
  return config;
}

function exportTarget(env: TelemetryEnv, warn: (message: string) => void): ExportTarget | null {
  const endpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim() ?? "";
  if (endpoint === "") return null;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    warn("OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https URL: traces are off.");
    return null;
  }
  const protocol = env.OTEL_EXPORTER_OTLP_PROTOCOL?.trim() || "http/protobuf";
  if (protocol === "grpc") {
    warn(
      "OTEL_EXPORTER_OTLP_PROTOCOL=grpc is not possible from a Worker: traces are off. Set http/protobuf, and the collector's HTTP port (usually 4318).",
    );
    return null;
  }
  if (protocol !== "http/protobuf" && protocol !== "http/json") {
    warn("OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf or http/json: traces are off.");
    return null;
  }
  const headers = exportHeaders(env.OTEL_EXPORTER_OTLP_HEADERS ?? "", warn);
  if (url.username !== "" || url.password !== "") {
    // fetch refuses URLs with credentials.
    const credentials = `${safeDecode(url.username)}:${safeDecode(url.password)}`;
    headers.authorization ??= `Basic ${base64(credentials)}`;
    url.username = "";
    url.password = "";
  }
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/traces`;
  url.hash = "";
  return {
    url: url.href,
    protocol,
    headers,
    resource: resource(env, warn),
    compress: !isLoopback(url.hostname),
  };
}

function exportHeaders(list: string, warn: (message: string) => void): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(keyPairs(list, "OTEL_EXPORTER_OTLP_HEADERS", warn))) {
    try {
      new Headers({ [name]: value });
      headers[name.toLowerCase()] = value;
    } catch {
      warn("OTEL_EXPORTER_OTLP_HEADERS has an entry that is no valid HTTP header: it is left out.");
    }
  }
  return headers;
}

function resource(env: TelemetryEnv, warn: (message: string) => void): Resource {
  const attributes = keyPairs(env.OTEL_RESOURCE_ATTRIBUTES ?? "", "OTEL_RESOURCE_ATTRIBUTES", warn);
  const serviceName = env.OTEL_SERVICE_NAME?.trim() || attributes["service.name"] || "routelet";
  return resourceFromAttributes({ ...attributes, "service.name": serviceName });
}

function keyPairs(list: string, variable: string, warn: (message: string) => void): Record<string, string> {
  const pairs = parseKeyPairsIntoRecord(list);
  const entries = list.split(",").filter((entry) => entry.trim() !== "").length;
  if (Object.keys(pairs).length < entries) {
    warn(`${variable} has an entry that is not key=value (percent-encoded), or a key twice: it is left out.`);
  }
  return pairs;
}

function sampler(env: TelemetryEnv, warn: (message: string) => void): Sampler {
  const name = env.OTEL_TRACES_SAMPLER?.trim() || "parentbased_always_on";
  const parentBased = name.startsWith("parentbased_");
  const root = rootSampler(parentBased ? name.slice("parentbased_".length) : name, env, warn);
  if (root === null) {
    warn("OTEL_TRACES_SAMPLER is not a sampler known here: parentbased_always_on is used.");
    return new ParentBasedSampler({ root: new AlwaysOnSampler() });
  }
  return parentBased ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(name: string, env: TelemetryEnv, warn: (message: string) => void): Sampler | null {
  switch (name) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return new TraceIdRatioBasedSampler(ratio(env.OTEL_TRACES_SAMPLER_ARG, warn));
    default:
      return null;
  }
}

function ratio(argument: string | undefined, warn: (message: string) => void): number {
  if (argument === undefined || argument.trim() === "") return 1;
  const value = Number(argument);
  if (value >= 0 && value <= 1) return value;
  warn("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1: 1 is used.");
  return 1;
}

function captureContent(env: TelemetryEnv, warn: (message: string) => void): boolean {
  const value = env.OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT?.trim().toUpperCase() || "NO_CONTENT";
  if (["SPAN_ONLY", "SPAN_AND_EVENT", "TRUE"].includes(value)) return true;
  if (!["NO_CONTENT", "EVENT_ONLY", "FALSE"].includes(value)) {
    warn("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT is not a value known here: NO_CONTENT is used.");
  }
  return false;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
