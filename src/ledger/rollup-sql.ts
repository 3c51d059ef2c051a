/** What a call adds to its hour: `e` is the call as JSON (`CallRow`), `c` the row that D1 has of it, if any. */
const GROUP = `
  COALESCE(e.value->>'$.projectId', c.project_id) AS project_id,
  COALESCE(e.value->>'$.startedAt', c.started_at) / 3600000 AS hour,
  COALESCE(e.value->>'$.keyId', c.key_id) AS key_id,
  COALESCE(e.value->>'$.task', c.task, '') AS task,
  CASE WHEN e.value->>'$.servedBy' IS NULL THEN ''
    ELSE COALESCE(e.value->>'$.requestedModel', c.requested_model) END AS requested_model,
  COALESCE(e.value->>'$.servedBy', '') AS served_by`;

const SUMS = `
  COUNT(*),
  SUM(e.value->>'$.outcome' <> 'done'),
  SUM(COALESCE(e.value->>'$.inputTokens', 0)),
  SUM(COALESCE(e.value->>'$.cachedInputTokens', 0)),
  SUM(COALESCE(e.value->>'$.outputTokens', 0)),
  SUM(COALESCE(e.value->>'$.costUsd', 0)),
  SUM(COALESCE(e.value->>'$.servedBy', '') LIKE 'llm/%' AND e.value->>'$.costUsd' IS NULL),
  SUM(COALESCE(e.value->>'$.latencyMs', 0))`;

/** Only an end that D1 does not have yet counts: run again, the statement adds nothing. */
const NEW_END = `
  e.value->>'$.outcome' IS NOT NULL AND e.value->>'$.outcome' <> 'lost'
  AND (c.outcome IS NULL OR c.outcome = 'lost')`;

const COUNTED = [
  "calls",
  "failed",
  "input_tokens",
  "cached_input_tokens",
  "output_tokens",
  "cost_usd",
  "unpriced",
  "latency_ms",
];

const rollup = (join: "LEFT JOIN" | "JOIN") => `
  INSERT INTO rollups_hourly (project_id, hour, key_id, task, requested_model, served_by, ${COUNTED.join(", ")})
  SELECT ${GROUP}, ${SUMS}
  FROM json_each(?1) AS e ${join} calls AS c ON c.id = e.value->>'$.id'
  WHERE ${NEW_END}
  GROUP BY 1, 2, 3, 4, 5, 6
  ON CONFLICT DO UPDATE SET ${COUNTED.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")}`;

/** Adds calls that ended to their hours. Runs in one transaction with, and before, the statement that writes them. */
export const ROLL_UP_CALLS = rollup("LEFT JOIN");
/** The same for ends whose start only D1 has. */
export const ROLL_UP_ENDS = rollup("JOIN");
