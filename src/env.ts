import type { ProviderEnv } from "./backends/providers/variables.ts";
import type { BackgroundCall } from "./calls/background/background-call.ts";
import type { DatasetBuild } from "./datasets/dataset-build.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { JobRun } from "./jobs/job-run.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { NodeTunnel } from "./tunnel/node-tunnel.ts";
import type { Work } from "./work/work.ts";

/** What the deployment binds to the Worker: `wrangler.toml`, secrets and variables. */
export interface Env extends ProviderEnv {
  DB: D1Database;
  NODE_TUNNEL: DurableObjectNamespace<NodeTunnel>;
  FLEET: DurableObjectNamespace<Fleet>;
  LEDGER: DurableObjectNamespace<Ledger>;
  BACKGROUND: DurableObjectNamespace<BackgroundCall>;
  WORK: DurableObjectNamespace<Work>;
  DATASET_BUILD: DurableObjectNamespace<DatasetBuild>;
  JOB_RUN: DurableObjectNamespace<JobRun>;
  /** Workers AI; only in the deployed environment, since the binding is always remote. */
  AI?: Ai;
  /** The network itself; only in a local start without a proxy. See `backends/outbound.ts`. */
  NETWORK?: Fetcher;

  /** Root of every derived secret (key pepper, content encryption, gateway identity); at least 32 characters. */
  ROUTELET_SECRET: string;
  /** The secret before the last rotation: still opens old content and vouches for the new gateway key. */
  ROUTELET_SECRET_PREVIOUS?: string;
  /** A fixed API key of project `default`, for local use. */
  ROUTELET_API_KEY?: string;
  ROUTELET_ADMIN_KEY?: string;
  /** Set where the gateway runs on its owner's machine: providers may then be on it and in its network. */
  ROUTELET_LOCAL?: string;
  /** How many `Ledger` objects share the calls; 1 when absent. See `ledger/shards.ts`. */
  ROUTELET_LEDGER_SHARDS?: string;

  OTEL_EXPORTER_OTLP_ENDPOINT?: string;
  OTEL_EXPORTER_OTLP_HEADERS?: string;
  OTEL_EXPORTER_OTLP_PROTOCOL?: string;
  OTEL_SERVICE_NAME?: string;
  OTEL_RESOURCE_ATTRIBUTES?: string;
  OTEL_TRACES_SAMPLER?: string;
  OTEL_TRACES_SAMPLER_ARG?: string;
  OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT?: string;
}
