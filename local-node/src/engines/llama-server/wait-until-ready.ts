import { z } from "zod";

/** What a server that is ready says of itself, and when it no longer says anything. */
export interface ServerFacts {
  slots: number;
  contextTokens: number | null;
  /** Its build, as it names it. */
  build: string | null;
  /** Resolves when it has missed several looks in a row, or the signal fired. */
  unresponsive: Promise<void>;
}

const props = z.object({
  total_slots: z.number().int().positive().catch(1),
  default_generation_settings: z.object({ n_ctx: z.number().int().positive() }).nullish().catch(null),
  build_info: z.string().nullish().catch(null),
});

const POLL_MS = 200;
const WATCH_MS = 10_000;
const LOOK_TIMEOUT_MS = 5_000;
const MISSED_LOOKS = 3;
const UNAUTHORIZED = 401;

/**
 * Waits until a starting llama-server has loaded its model (`GET /health`), and reads what it is (`GET /props`).
 * Rejects, with one sentence, where it answers without its key: whoever is on the machine could then use it.
 */
export async function waitUntilReady(options: {
  origin: string;
  apiKey: string;
  signal: AbortSignal;
  pollMs?: number;
  watchMs?: number;
}): Promise<ServerFacts> {
  const { origin, signal } = options;
  const look = (path: string, headers: Record<string, string> = {}): Promise<Response | null> =>
    fetch(`${origin}${path}`, {
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]),
    }).catch(() => null);
  const isHealthy = async (): Promise<boolean> => {
    const response = await look("/health");
    await response?.body?.cancel();
    return response?.status === 200;
  };

  while (!(await isHealthy())) await pause(options.pollMs ?? POLL_MS, signal);
  const open = await look("/props");
  await open?.body?.cancel();
  if (open?.status !== UNAUTHORIZED) {
    throw new Error("llama-server answers without its key; a newer build of llama.cpp asks for it.");
  }
  const answer = await look("/props", { authorization: `Bearer ${options.apiKey}` });
  const facts = props.safeParse(await answer?.json().catch(() => null));
  if (answer?.status !== 200 || !facts.success) {
    throw new Error(
      "llama-server does not say what it serves (GET /props); a newer build of llama.cpp does.",
    );
  }
  const watch = async (): Promise<void> => {
    for (let missed = 0; missed < MISSED_LOOKS; ) {
      await pause(options.watchMs ?? WATCH_MS, signal);
      missed = (await isHealthy()) ? 0 : missed + 1;
    }
  };
  return {
    slots: facts.data.total_slots,
    contextTokens: facts.data.default_generation_settings?.n_ctx ?? null,
    build: facts.data.build_info ?? null,
    unresponsive: watch().catch(() => {}),
  };
}

/** Rejects where the signal fires. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(done, ms);
    timer.unref();
    function done(): void {
      signal.removeEventListener("abort", stop);
      resolve();
    }
    function stop(): void {
      clearTimeout(timer);
      reject(signal.reason);
    }
    signal.addEventListener("abort", stop, { once: true });
  });
}
