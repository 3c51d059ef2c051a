CREATE TABLE `api_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`project_id` text NOT NULL,
	`name` text NOT NULL,
	`prefix` text NOT NULL,
	`hash` text NOT NULL,
	`return_requested_model` integer DEFAULT false NOT NULL,
	`audience` text DEFAULT 'agent' NOT NULL,
	`created_at` integer NOT NULL,
	`revoked_at` integer,
	FOREIGN KEY (`project_id`) REFERENCES `projects`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_hash_unique` ON `api_keys` (`hash`);--> statement-breakpoint
CREATE TABLE `attempts` (
	`call_id` text NOT NULL,
	`seq` integer NOT NULL,
	`project_id` text NOT NULL,
	`kind` text NOT NULL,
	`backend` text NOT NULL,
	`model` text NOT NULL,
	`started_at` integer NOT NULL,
	`latency_ms` real NOT NULL,
	`first_byte_ms` real,
	`outcome` text NOT NULL,
	`status` integer,
	`error_code` text,
	`input_tokens` integer,
	`cached_input_tokens` integer,
	`output_tokens` integer,
	`cost_usd` real,
	PRIMARY KEY(`call_id`, `seq`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `bodies` (
	`call_id` text NOT NULL,
	`part` text NOT NULL,
	`project_id` text NOT NULL,
	`key_id` text NOT NULL,
	`iv` blob NOT NULL,
	`ciphertext` blob NOT NULL,
	`compression` text NOT NULL,
	`original_bytes` integer NOT NULL,
	`truncated` integer NOT NULL,
	PRIMARY KEY(`call_id`, `part`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `calls` (
	`id` text PRIMARY KEY NOT NULL,
	`project_id` text NOT NULL,
	`key_id` text NOT NULL,
	`started_at` integer NOT NULL,
	`endpoint` text NOT NULL,
	`requested_model` text NOT NULL,
	`route` text,
	`task` text,
	`session` text,
	`stream` integer NOT NULL,
	`trace_id` text,
	`outcome` text,
	`ended_at` integer,
	`status` integer,
	`served_by` text,
	`reason` text,
	`error_code` text,
	`latency_ms` real,
	`first_byte_ms` real,
	`input_tokens` integer,
	`cached_input_tokens` integer,
	`output_tokens` integer,
	`cost_usd` real
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `calls_by_project` ON `calls` (`project_id`,`id`);--> statement-breakpoint
CREATE TABLE `projects` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `settings` (
	`project_id` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`project_id`) REFERENCES `projects`(`id`) ON UPDATE no action ON DELETE no action
);

--> statement-breakpoint
INSERT INTO `projects` (`id`, `name`, `created_at`) VALUES ('default', 'default', unixepoch() * 1000);
