import { createRoute, z } from "@hono/zod-openapi";
import type { Counts } from "../datasets/counts.ts";
import {
  countItems,
  datasetNotFound,
  deleteDataset,
  isDatasetId,
  listDatasets,
  readDataset,
} from "../datasets/dataset-store.ts";
import { exportLines } from "../datasets/export-jsonl.ts";
import { importDataset } from "../datasets/import-dataset.ts";
import { MAX_FILE_BYTES, MAX_LINE_BYTES } from "../datasets/import-jsonl.ts";
import { startBuild } from "../datasets/start-build.ts";
import { auditInsert } from "../db/audit.ts";
import type { DatasetRow } from "../db/schema.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import { readBody } from "../read-body.ts";
import type { AdminApp } from "./context.ts";
import { datasetJson, datasetSchema, kindSchema } from "./dataset-json.ts";
import { decodeCursor, pageFields, pageOf, pageQuery } from "./paging.ts";
import {
  adminOnly,
  commonErrors,
  errorSchema,
  jsonResponse,
  notFoundError,
  projectSchema,
} from "./responses.ts";

/** Items of one set, at most and where nothing is said. */
const MAX_ITEMS = 100_000;
const DEFAULT_ITEMS = 10_000;

/** The one path whose bodies are files. */
export const IMPORT_PATH = "/api/datasets/import";

/** Described by hand: what is declared with a schema would be read as one JSON value. */
const JSONL = "application/jsonl";
const jsonl: Record<string, { schema: { type: "string" } }> = { [JSONL]: { schema: { type: "string" } } };

const nameSchema = z.string().trim().min(1).max(100);
const label = z.string().min(1).max(512);
const time = z.iso.datetime({ offset: true });

const createSchema = z
  .strictObject({
    project: projectSchema,
    name: nameSchema
      .optional()
      .openapi({ description: "The task's name, or `calls`, where it is left out." }),
    kind: kindSchema.default("training"),
    task: label.optional().openapi({ description: "The id of a task (`GET /api/tasks`)." }),
    key: label.optional().openapi({ description: "The id of the API key that made the calls." }),
    model: label.optional().openapi({ description: "The model that was asked for." }),
    since: time.optional().openapi({ description: "Calls that began at this time or later." }),
    until: time.optional().openapi({ description: "Calls that began before this time." }),
    limit: z
      .number()
      .int()
      .min(1)
      .max(MAX_ITEMS)
      .default(DEFAULT_ITEMS)
      .openapi({ description: "Items at most; the newest calls come first." }),
  })
  .openapi("CreateDataset");

const conflict = {
  409: jsonResponse(errorSchema, "A set of this name is being made, or this one is not ready."),
};
const params = z.object({ id: z.string().max(64) });
const projectQuery = z.object({ project: projectSchema });

const list = createRoute({
  method: "get",
  path: "/api/datasets",
  tags: ["datasets"],
  summary: "Data sets, newest first",
  ...adminOnly,
  request: { query: projectQuery.extend(pageQuery) },
  responses: {
    200: jsonResponse(z.object({ ...pageFields, data: z.array(datasetSchema) }), "One page."),
    ...commonErrors,
  },
});

const create = createRoute({
  method: "post",
  path: "/api/datasets",
  tags: ["datasets"],
  summary: "Make a data set of recorded calls",
  description:
    "It is made behind the answer: `GET /api/datasets/{id}` shows how far it is. Once made it never changes; the same name again makes the next version. Calls of keys and tasks with `audience: human` are never in it.",
  ...adminOnly,
  request: { body: { required: true, content: { "application/json": { schema: createSchema } } } },
  responses: {
    201: jsonResponse(datasetSchema, "It is being made."),
    ...commonErrors,
    ...notFoundError,
    ...conflict,
  },
});

const importFile = createRoute({
  method: "post",
  path: IMPORT_PATH,
  tags: ["datasets"],
  summary: "Make a data set of a file in the OpenAI fine-tuning format (JSONL)",
  description: `All of the file or nothing: a wrong line is named. At most ${MAX_FILE_BYTES / 1024 / 1024} MiB, and ${MAX_LINE_BYTES} bytes a line. What you bring is taken as it is: nothing is curated or replaced.`,
  ...adminOnly,
  request: {
    query: projectQuery.extend({ name: nameSchema, kind: kindSchema.default("training") }),
    body: { required: true, content: jsonl },
  },
  responses: {
    201: jsonResponse(datasetSchema, "It is ready."),
    ...commonErrors,
    ...notFoundError,
    ...conflict,
    413: jsonResponse(errorSchema, "The file is too large."),
  },
});

const detail = createRoute({
  method: "get",
  path: "/api/datasets/{id}",
  tags: ["datasets"],
  summary: "One data set, with what was left out and why",
  ...adminOnly,
  request: { params, query: projectQuery },
  responses: { 200: jsonResponse(datasetSchema, "The data set."), ...commonErrors, ...notFoundError },
});

const remove = createRoute({
  method: "delete",
  path: "/api/datasets/{id}",
  tags: ["datasets"],
  summary: "Delete a data set with its items; one that is being made is given up",
  ...adminOnly,
  request: { params, query: projectQuery },
  responses: {
    200: jsonResponse(
      z.object({ object: z.literal("dataset"), id: z.string(), deleted: z.literal(true) }),
      "It is gone.",
    ),
    ...commonErrors,
    ...notFoundError,
  },
});

const exportFile = createRoute({
  method: "get",
  path: "/api/datasets/{id}/export",
  tags: ["datasets"],
  summary: "A data set as JSONL in the OpenAI fine-tuning format",
  description:
    "One example a line: `messages`, and where the call had them `tools` and `parallel_tool_calls`, whatever dialect it came in. Such files are made to be uploaded: items whose calls were marked `slm` are left out unless `nodes_only` asks for them, and are then marked by `routelet.nodes_only`, a field that the format does not have. That content was opened is recorded.",
  ...adminOnly,
  request: {
    params,
    query: projectQuery.extend({
      nodes_only: z
        .enum(["exclude", "include"])
        .default("exclude")
        .openapi({ description: "Items that must stay on your machines." }),
    }),
  },
  responses: {
    200: {
      description: "The file.",
      headers: z.object({
        "x-routelet-items": z.string().openapi({ description: "How many lines it has." }),
        "x-routelet-left-out": z
          .string()
          .openapi({ description: "Items that are not in it: marked ones, and those without a form here." }),
      }),
      content: jsonl,
    },
    ...commonErrors,
    ...notFoundError,
    ...conflict,
  },
});

const NOT_READY: Record<Exclude<DatasetRow["state"], "ready">, string> = {
  building: "It is still being made: try again when its `state` is `ready`.",
  empty: "It has no items; its `message` says why.",
  failed: "It could not be made; its `message` says why.",
  deleting: "It is being deleted.",
};

function notReady(state: keyof typeof NOT_READY): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    status: 409,
    code: "dataset_not_ready",
    message: NOT_READY[state],
    param: "id",
  });
}

async function found(env: Env, projectId: string, id: string): Promise<DatasetRow> {
  const row = await readDataset({ db: env.DB, projectId, id });
  if (row === null) throw datasetNotFound("id");
  return row;
}

const millis = (given: string | undefined): number | null => (given === undefined ? null : Date.parse(given));

/** A file's name of a set's, with nothing in it that a shell or a header would take for something else. */
const fileName = ({ name, version }: DatasetRow): string =>
  `${name.replace(/[^\w.-]+/g, "-")}-v${version}.jsonl`;

/** `/api/datasets`. */
export function addDatasetRoutes(app: AdminApp): void {
  app.openapi(list, async (c) => {
    const { project, cursor, limit } = c.req.valid("query");
    const before = cursor === undefined ? null : decodeCursor({ cursor, isId: isDatasetId });
    const rows = await listDatasets({ db: c.env.DB, projectId: project, before, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const next = rows.length > limit ? (page.at(-1)?.id ?? null) : null;
    return c.json(pageOf({ data: page.map(datasetJson), next }), 200);
  });

  app.openapi(create, async (c) => {
    const { project, name, kind, task, key, model, since, until, limit } = c.req.valid("json");
    const id = await startBuild({
      env: c.env,
      projectId: project,
      name: name ?? task ?? "calls",
      kind,
      wanted: {
        task: task ?? null,
        keyId: key ?? null,
        model: model ?? null,
        since: millis(since),
        until: millis(until),
      },
      limit,
      now: Date.now(),
    });
    return c.json(datasetJson(await found(c.env, project, id)), 201);
  });

  app.openapi(importFile, async (c) => {
    const { project, name, kind } = c.req.valid("query");
    const file = await readBody(c.req.raw, MAX_FILE_BYTES);
    const id = await importDataset({ env: c.env, projectId: project, name, kind, file, now: Date.now() });
    return c.json(datasetJson(await found(c.env, project, id)), 201);
  });

  app.openapi(detail, async (c) => {
    const row = await found(c.env, c.req.valid("query").project, c.req.valid("param").id);
    return c.json(datasetJson(row), 200);
  });

  app.openapi(remove, async (c) => {
    const { project: projectId } = c.req.valid("query");
    const { id } = c.req.valid("param");
    if (!(await deleteDataset({ db: c.env.DB, projectId, id, now: Date.now() }))) throw datasetNotFound("id");
    await c.env.DATASET_BUILD.getByName(id).cancel();
    return c.json({ object: "dataset" as const, id, deleted: true as const }, 200);
  });

  app.openapi(exportFile, async (c) => {
    const { project: projectId, nodes_only } = c.req.valid("query");
    const row = await found(c.env, projectId, c.req.valid("param").id);
    if (row.state !== "ready") throw notReady(row.state);
    const query = { db: c.env.DB, projectId, datasetId: row.id, nodesOnly: nodes_only === "include" };
    // The record comes first: content that nobody knows was opened is not shown.
    const entry = { at: Date.now(), action: "dataset.export", target: row.id, projectId } as const;
    await auditInsert({ db: c.env.DB, entry });
    const lines = await countItems(query);
    const { items } = JSON.parse(row.counts) as Counts;
    return c.body(await exportLines(c.env, query), 200, {
      "content-type": `${JSONL}; charset=utf-8`,
      "content-disposition": `attachment; filename="${fileName(row)}"`,
      "x-routelet-items": String(lines),
      "x-routelet-left-out": String(items - lines),
    });
  });
}
