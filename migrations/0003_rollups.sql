CREATE TABLE `rollups_hourly` (
	`project_id` text NOT NULL,
	`hour` integer NOT NULL,
	`key_id` text NOT NULL,
	`task` text NOT NULL,
	`requested_model` text NOT NULL,
	`served_by` text NOT NULL,
	`calls` integer NOT NULL,
	`failed` integer NOT NULL,
	`input_tokens` integer NOT NULL,
	`cached_input_tokens` integer NOT NULL,
	`output_tokens` integer NOT NULL,
	`cost_usd` real NOT NULL,
	`unpriced` integer NOT NULL,
	`latency_ms` real NOT NULL,
	PRIMARY KEY(`project_id`, `hour`, `key_id`, `task`, `requested_model`, `served_by`)
) WITHOUT ROWID;
