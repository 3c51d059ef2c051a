import { getLlama } from "node-llama-cpp";

/** A child process of `gpus.ts`: prints what the inference library can use, as one line of JSON. */
const llama = await getLlama({
  build: "never",
  skipDownload: true,
  progressLogs: false,
  logger: () => undefined,
});
const vram = await llama.getVramState();
const names = llama.gpu ? await llama.getGpuDeviceNames() : [];
process.stdout.write(
  `\n${JSON.stringify({ backend: llama.gpu, names, memoryBytes: vram.total, unifiedBytes: vram.unifiedSize })}\n`,
);
await llama.dispose();
