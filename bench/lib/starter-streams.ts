import { listCached } from "../../local-node/src/models/cache.ts";
import { modelCacheFolder } from "../../local-node/src/models/cache-folder.ts";
import { starterEntry } from "../../local-node/src/models/catalogue.ts";
import { API_KEY, type TestGateway } from "../../test/harness/gateway.ts";
import { startTestNode } from "../../test/harness/node.ts";
import type { StreamsJob, StreamsResult } from "../processes/streams.ts";
import { type Child, startChild } from "./child.ts";
import { median, rounded } from "./stats.ts";

const ROUNDS = 7;
const TOKENS = 96;
/** The embedded engine runs two calls at once on a CPU. */
const STREAMS = [1, 2];
const PROMPT = "Tell me a long story about a lighthouse and the people who keep it.";

/**
 * The real starter model, from its embedded engine directly and through gateway, tunnel and node, in turn: a paced
 * engine costs no CPU, a real one shares the cores with what is measured. Null where the cache has no such model: a
 * benchmark fetches nothing.
 */
export async function starterStreams(options: {
  client: Child;
  gateway: TestGateway;
}): Promise<{ model: string; figures: Record<string, number> } | null> {
  const { client, gateway } = options;
  const { id } = starterEntry();
  const cached = (await listCached(modelCacheFolder(process.env))).find((model) => model.id === id);
  if (cached === undefined) return null;
  const engine = startChild("starter");
  const direct = await engine.ask<string>({ id, path: cached.path, sha256: cached.sha256 });
  const node = await startTestNode({ gateway, env: { ROUTELET_MODEL: id } });
  const job = (url: string, model: string, streams: number): StreamsJob => ({
    url: `${url}/v1/chat/completions`,
    headers: { "content-type": "application/json", authorization: `Bearer ${API_KEY}` },
    body: JSON.stringify({
      model,
      messages: [{ role: "user", content: PROMPT }],
      stream: true,
      max_tokens: TOKENS,
      temperature: 0,
    }),
    streams,
    token: '"delta":{"content":"',
  });
  const perSecond = (result: StreamsResult): number => (result.tokens / result.elapsedMs) * 1_000;
  const figures: Record<string, number> = {};
  try {
    for (const streams of STREAMS) {
      const pairs: { direct: StreamsResult; through: StreamsResult }[] = [];
      // The first round warms both ways up; both then have the prompt in their caches.
      for (let round = 0; round <= ROUNDS; round += 1) {
        const pair = {
          direct: await client.ask<StreamsResult>(job(direct, id, streams)),
          through: await client.ask<StreamsResult>(job(gateway.url, `slm/${id}`, streams)),
        };
        if (round > 0) pairs.push(pair);
      }
      const of = (pick: (pair: (typeof pairs)[number]) => number): number => rounded(median(pairs.map(pick)));
      figures[`starter_tokens_ratio_${streams}`] = of(
        ({ direct, through }) => perSecond(through) / perSecond(direct),
      );
      figures[`starter_direct_tokens_per_s_${streams}`] = of(({ direct }) => perSecond(direct));
      figures[`starter_tokens_per_s_${streams}`] = of(({ through }) => perSecond(through));
      figures[`starter_direct_first_token_ms_${streams}`] = of(({ direct }) => median(direct.firstTokenMs));
      figures[`starter_first_token_added_p50_ms_${streams}`] = of(
        ({ direct, through }) => median(through.firstTokenMs) - median(direct.firstTokenMs),
      );
    }
  } finally {
    await node.close();
    await engine.close();
  }
  return { model: id, figures };
}
