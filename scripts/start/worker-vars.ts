import { PROVIDER_KEYS, PROVIDER_VARIABLES } from "../../src/backends/providers/variables.ts";
import type { Secrets } from "./secrets.ts";

/** What `npm start` takes from the environment and binds to the Worker; `src/env.ts` has the meanings. */
const PASSED_ON = [
  "ROUTELET_SECRET_PREVIOUS",
  ...PROVIDER_VARIABLES,
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_HEADERS",
  "OTEL_EXPORTER_OTLP_PROTOCOL",
  "OTEL_SERVICE_NAME",
  "OTEL_RESOURCE_ATTRIBUTES",
  "OTEL_TRACES_SAMPLER",
  "OTEL_TRACES_SAMPLER_ARG",
  "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
] as const;

/** The node needs none of these: a process that parses strangers' model files should not hold them. */
const NOT_FOR_THE_NODE: readonly string[] = [
  "ROUTELET_SECRET",
  "ROUTELET_SECRET_PREVIOUS",
  "ROUTELET_API_KEY",
  "ROUTELET_ADMIN_KEY",
  ...PROVIDER_KEYS,
  "OTEL_EXPORTER_OTLP_HEADERS",
];

type Environment = Record<string, string | undefined>;

export function workerVars(options: { env: Environment; secrets: Secrets }): Record<string, string> {
  const vars: Record<string, string> = { ...options.secrets, ROUTELET_LOCAL: "1" };
  for (const name of PASSED_ON) {
    const value = options.env[name];
    if (value) vars[name] = value;
  }
  return vars;
}

export function nodeEnvironment(options: {
  env: Environment;
  stateDir: string;
  /** Further variables that hold secrets of the gateway's. */
  without: readonly string[];
}): Environment {
  const env: Environment = { ...options.env, ROUTELET_STATE: options.stateDir };
  for (const name of [...NOT_FOR_THE_NODE, ...options.without]) delete env[name];
  return env;
}
