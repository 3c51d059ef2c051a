import { startTestGateway, type TestGateway } from "./gateway.ts";
import { scriptedModel } from "./scripted-model.ts";
import { startUpstream, type Upstream } from "./upstream.ts";

/** The backends that every client is tried on, by the name of a model of each. */
export const BACKENDS = [
  ["an OpenAI-compatible backend", "gpt-"],
  ["an Anthropic backend", "claude-"],
] as const;

export interface ClientWorld {
  upstream: Upstream;
  gateway: TestGateway;
  close(): Promise<void>;
}

/** A gateway whose two cloud providers are the scripted model. A failure is told at the first try. */
export async function startClientWorld(): Promise<ClientWorld> {
  const upstream = await startUpstream(scriptedModel);
  const gateway = await startTestGateway({
    vars: {
      OPENAI_API_KEY: "provider-key",
      OPENAI_BASE_URL: `${upstream.url}/v1`,
      ANTHROPIC_API_KEY: "anthropic-key",
      ANTHROPIC_BASE_URL: upstream.url,
    },
  });
  return {
    upstream,
    gateway,
    async close() {
      await gateway.close();
      await upstream.close();
    },
  };
}
