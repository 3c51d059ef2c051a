import { createServe } from "../serve/serve.ts";
import { createAttachEngine } from "./attach/attach.ts";
import { createEmbeddedEngine, type EmbeddedEngine } from "./embedded/embedded.ts";
import { createLlamaServerEngine } from "./llama-server/llama-server.ts";
import { makeTestBinary } from "./llama-server/test-binary.ts";
import { describeEngineContract } from "./test-engine-contract.ts";
import { testModelPath } from "./test-model.ts";
import { listenWith, type TestServer } from "./test-server.ts";

const MODEL = { modelId: "smollm2", fileSha256: "a".repeat(64), quantisation: "Q4_1", contextTokens: 2048 };
const wrongTemperature = { code: "invalid_value", param: "temperature" };

const startEmbedded = async (): Promise<EmbeddedEngine> =>
  createEmbeddedEngine({ ...MODEL, modelPath: await testModelPath() });
const pidOf = (embedded: EmbeddedEngine): number => embedded.runtime()?.pid ?? 0;

/** The embedded engine behind HTTP, as other engines are. */
async function startUpstream(): Promise<{
  embedded: EmbeddedEngine;
  server: TestServer;
  close(): Promise<void>;
}> {
  const embedded = await startEmbedded();
  const serve = createServe({
    engines: () => [embedded],
    queueLimit: () => 8,
    clock: () => performance.now(),
  });
  const server = await listenWith(serve.handle, () => embedded.models());
  return {
    embedded,
    server,
    async close() {
      await server.close();
      await embedded.close();
    },
  };
}

describeEngineContract("embedded", {
  wrongTemperature,
  async start() {
    const engine = await startEmbedded();
    return { engine, pid: () => pidOf(engine), close: () => engine.close() };
  },
});

describeEngineContract("attach", {
  wrongTemperature,
  async start() {
    const upstream = await startUpstream();
    const engine = await createAttachEngine({ baseUrl: upstream.server.baseUrl, probe: false });
    return {
      engine,
      pid: () => pidOf(upstream.embedded),
      async close() {
        await engine.close();
        await upstream.close();
      },
    };
  },
});

describeEngineContract("llama-server", {
  wrongTemperature,
  async start() {
    const upstream = await startUpstream();
    const binary = await makeTestBinary();
    const engine = await createLlamaServerEngine({
      ...MODEL,
      binary: binary.path,
      modelPath: await testModelPath(),
      slots: 2,
      probe: false,
      args: ["--fake-upstream", upstream.server.baseUrl],
    });
    return {
      engine,
      pid: () => engine.runtime()?.pid ?? 0,
      async close() {
        await engine.close();
        await upstream.close();
        await binary.remove();
      },
    };
  },
});
