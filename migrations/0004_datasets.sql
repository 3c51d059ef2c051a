CREATE TABLE `dataset_items` (
	`dataset_id` text NOT NULL,
	`item_id` text NOT NULL,
	`project_id` text NOT NULL,
	`side` text,
	`nodes_only` integer NOT NULL,
	`exportable` integer NOT NULL,
	`secret_id` text NOT NULL,
	`iv` blob NOT NULL,
	`ciphertext` blob NOT NULL,
	`compression` text NOT NULL,
	PRIMARY KEY(`dataset_id`, `item_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `datasets` (
	`id` text PRIMARY KEY NOT NULL,
	`project_id` text NOT NULL,
	`name` text NOT NULL,
	`version` integer NOT NULL,
	`kind` text NOT NULL,
	`source` text NOT NULL,
	`state` text NOT NULL,
	`filter` text,
	`counts` text NOT NULL,
	`message` text,
	`created_at` integer NOT NULL,
	`ended_at` integer,
	FOREIGN KEY (`project_id`) REFERENCES `projects`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `datasets_by_name` ON `datasets` (`project_id`,`name`,`version`);--> statement-breakpoint
CREATE UNIQUE INDEX `datasets_building` ON `datasets` (`project_id`,`name`) WHERE state = 'building';