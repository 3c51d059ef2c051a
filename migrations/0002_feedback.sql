CREATE TABLE `feedback` (
	`project_id` text NOT NULL,
	`target` text NOT NULL,
	`key_id` text NOT NULL,
	`at` integer NOT NULL,
	`score` real,
	`secret_id` text,
	`iv` blob,
	`ciphertext` blob,
	`compression` text,
	PRIMARY KEY(`project_id`, `target`, `key_id`)
) WITHOUT ROWID;
