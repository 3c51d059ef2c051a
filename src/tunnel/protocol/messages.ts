import { z } from "zod";
import { confidenceSchema } from "./confidence.ts";

/** The range of protocol versions that this build speaks; the welcome carries the gateway's. */
export const PROTOCOL = { min: 1, max: 1 } as const;

/** Text messages; answered by the runtime's auto-response, so that an idle object sleeps. */
export const HEARTBEAT = { ping: "ping", pong: "pong", intervalMs: 10_000 } as const;

/** Credit that each stream begins with, in bytes, in each direction. */
export const INITIAL_WINDOW = 256 * 1024;

/** The paths that may be asked of a node; anything else is refused by the node. */
export const NODE_PATHS = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"] as const;
export type NodePath = (typeof NODE_PATHS)[number];

/** WebSocket close codes of our own (4000 to 4999 are free for applications, RFC 6455 section 7.4.2). */
export const CLOSE = {
  /** A newer connection of the same node took over: stop, do not reconnect. */
  superseded: 4001,
  /** The node was revoked: stop, do not reconnect. */
  revoked: 4003,
  /** The peer broke the protocol (unknown type, oversized frame, bad JSON). */
  protocol: 4400,
  /** The gateway could not prove its pinned key. */
  untrusted: 4401,
} as const;

/** Header of a request head: the call's project. Nothing that a node computed for one is reused for another. */
export const PROJECT_HEADER = "x-routelet-project";

/** Headers of a request head that the node's queue reads. */
export const QUEUE_HEADERS = {
  /** Calls of one conversation: they keep their order, and conversations take turns. */
  session: "x-routelet-session",
  /** The id of the caller's API key: keys take turns as well. */
  key: "x-routelet-key",
  /** `job`: nobody waits for the answer, so every other call goes first. Absent or anything else: interactive. */
  priority: "x-routelet-priority",
} as const;

const headers = z.record(z.string(), z.string());

/** Gateway to node: the first frame of a call. `traceparent`, `tracestate` and `baggage` are among the headers. */
export const requestHeadSchema = z.object({
  method: z.enum(["GET", "POST"]),
  path: z.string().max(256),
  headers,
  /** Milliseconds from receipt until the gateway gives up on the whole call. */
  deadlineMs: z.number().int().positive(),
});
export type RequestHead = z.infer<typeof requestHeadSchema>;

export const responseHeadSchema = z.object({ status: z.number().int().min(100).max(599), headers });
export type ResponseHead = z.infer<typeof responseHeadSchema>;

/** A span that the node measured on its own clock; times are microseconds from the receipt of the request head. */
export const nodeSpanSchema = z.object({
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  /** Null: child of the span named by the head's `traceparent`. */
  parentSpanId: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .nullable(),
  name: z.string().max(128),
  kind: z.enum(["server", "internal", "client"]),
  startUs: z.number().nonnegative(),
  durationUs: z.number().nonnegative(),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  error: z.string().max(512).optional(),
});
export type NodeSpan = z.infer<typeof nodeSpanSchema>;

/** Node to gateway: the last frame of a call. */
export const responseEndSchema = z.object({
  spans: z.array(nodeSpanSchema).max(64),
  /** Missing from engines that do not tell, and from nodes that are older; one that is broken costs no answer. */
  confidence: confidenceSchema.optional().catch(undefined),
});

/** Either side: the stream failed. Nothing follows on it. */
export const streamErrorSchema = z.object({
  code: z.string().max(64),
  message: z.string().max(2048),
  retryable: z.boolean(),
  /** Spans measured until then (node to gateway). */
  spans: z.array(nodeSpanSchema).max(64).optional(),
});
export type StreamError = z.infer<typeof streamErrorSchema>;

/** Either side: no new streams; running ones may finish within `drainMs`. */
export const goAwaySchema = z.object({
  reason: z.string().max(256),
  drainMs: z.number().int().nonnegative(),
});
export type GoAway = z.infer<typeof goAwaySchema>;

/** Gateway to node, stream 0, before anything else: proves the pinned key. Bytes are base64url. */
export const welcomeSchema = z.object({
  protocol: z.object({ min: z.number().int(), max: z.number().int() }),
  /** The gateway's Ed25519 public key, raw. */
  gatewayKey: z.string(),
  /** Over `welcomeTranscript` (see `transcripts.ts`), by that key. */
  signature: z.string(),
  /** After a rotation: the new key signed by the old one that the node may have pinned. */
  rotation: z.object({ previousKey: z.string(), signature: z.string() }).optional(),
  maxStreams: z.number().int().positive(),
});
export type Welcome = z.infer<typeof welcomeSchema>;

/** What a model can honour; found by probing, never assumed. A call that needs more goes elsewhere. */
export const capabilitiesSchema = z.object({
  chat: z.boolean(),
  tools: z.boolean(),
  jsonSchema: z.boolean(),
  jsonObject: z.boolean(),
  logprobs: z.boolean(),
  images: z.boolean(),
  audio: z.boolean(),
  /** `n` greater than 1. */
  multipleChoices: z.boolean(),
  logitBias: z.boolean(),
  penalties: z.boolean(),
  reasoning: z.boolean(),
  // Those that came later: a node that does not know them has none of them.
  embeddings: z.boolean().default(false),
  completions: z.boolean().default(false),
  /** Of `completions`: text in the middle. */
  suffix: z.boolean().default(false),
});
export type Capabilities = z.infer<typeof capabilitiesSchema>;

/** The least that a model which serves at all can do; what more it can is found by asking it. */
export const CHAT_ONLY: Capabilities = {
  chat: true,
  tools: false,
  jsonSchema: false,
  jsonObject: false,
  logprobs: false,
  images: false,
  audio: false,
  multipleChoices: false,
  logitBias: false,
  penalties: false,
  reasoning: false,
  embeddings: false,
  completions: false,
  suffix: false,
};

export const servedModelSchema = z.object({
  id: z.string().min(1).max(200),
  engine: z.enum(["embedded", "llama-server", "attach"]),
  /** Of an adapter over another model's weights: that model's id. Calls get it that name it, and no others. */
  adapterOf: z.string().min(1).max(200).optional(),
  loaded: z.boolean(),
  /** SHA-256 of the weights file in hex; with an adapter, of both their hashes; null where the engine does not tell (attach). */
  fileSha256: z.string().nullable(),
  quantisation: z.string().nullable(),
  contextTokens: z.number().int().positive().nullable(),
  capabilities: capabilitiesSchema,
  /** Measured, not estimated; null before the first measurement. */
  tokensPerSecond: z.number().nullable(),
});
export type ServedModel = z.infer<typeof servedModelSchema>;

/** Node to gateway, stream 0: sent on change only, at most once in 5 s. */
export const nodeStateSchema = z.object({
  version: z.string().max(64),
  models: z.array(servedModelSchema).max(256),
  slots: z.object({
    total: z.number().int().nonnegative(),
    busy: z.number().int().nonnegative(),
    queued: z.number().int().nonnegative(),
    queueLimit: z.number().int().nonnegative(),
  }),
  hardware: z.object({
    platform: z.string().max(64),
    cpu: z.string().max(128),
    cores: z.number().int().positive(),
    memoryBytes: z.number().nonnegative(),
    gpus: z
      .array(
        z.object({
          name: z.string().max(128),
          memoryBytes: z.number().nonnegative(),
          backend: z.string().max(32),
        }),
      )
      .max(32),
  }),
  draining: z.boolean(),
  /** The owner needs the machine himself; `draining` is then true as well. */
  paused: z.boolean().optional(),
});
export type NodeState = z.infer<typeof nodeStateSchema>;

/** `POST /tunnel/enrol`. The token travels in the body, never in a URL. */
export const enrolRequestSchema = z.object({
  token: z.string().min(1).max(256),
  /** Ed25519 public key, raw, base64url. */
  publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  name: z.string().min(1).max(64),
});
export type EnrolRequest = z.infer<typeof enrolRequestSchema>;

export const enrolResponseSchema = z.object({
  nodeId: z.string(),
  gatewayKey: z.string(),
  projects: z.array(z.string()),
});
export type EnrolResponse = z.infer<typeof enrolResponseSchema>;

/** `POST /tunnel/challenge/{nodeId}`: a single-use nonce that lives for 60 s, and the generation to claim. */
export const challengeResponseSchema = z.object({
  nonce: z.string(),
  generation: z.number().int().nonnegative(),
});
export type ChallengeResponse = z.infer<typeof challengeResponseSchema>;
