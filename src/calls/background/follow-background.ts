import type { Env } from "../../env.ts";
import type { Settings } from "../../settings.ts";

/**
 * The stream of a response that is being made in the background, from the event after `after` on. Null where there is none
 * to follow: it has ended meanwhile, or was asked for without a stream (`isStream`).
 */
export async function followBackground(options: {
  env: Pick<Env, "BACKGROUND">;
  /** The response's. */
  id: string;
  after: number;
  heartbeat: Settings["heartbeat"];
}): Promise<Response | null> {
  const { env, id, after, heartbeat } = options;
  const beat = heartbeat.comments ? heartbeat.afterMs : 0;
  const url = `https://background/?after=${after}&heartbeat_ms=${beat}`;
  const response = await env.BACKGROUND.getByName(id).fetch(url);
  if (response.status === 200) return response;
  await response.body?.cancel();
  return null;
}
