import { z } from "zod";
import { anyModelName } from "./policy.ts";

/** How recurring tasks move from the model that was asked for to a small one. */
export const conversionSettings = z
  .object({
    collect: z
      .enum(["on", "off"])
      .default("on")
      .describe("Whether recurring tasks are recognised and small models tried on them, unseen."),
    promotion: z
      .enum(["automatic", "approval"])
      .default("approval")
      .describe("Whether evidence alone moves a task to its small model, or a person must agree."),
    epsilon: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.05)
      .describe("The largest share of a task's calls that may become worse than the reference's answers."),
    delta: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.1)
      .describe("The probability that a task is certified whose loss is larger, over all attempts at it."),
    drawShare: z
      .number()
      .gt(0)
      .max(1)
      .default(0.5)
      .describe("The share of a task's calls that is drawn while its evidence is gathered."),
    minCalls: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .default(20)
      .describe("Calls that a task must have had before a small model is tried on it."),
    minTests: z
      .number()
      .int()
      .min(0)
      .max(1_000_000)
      .default(200)
      .describe("Drawn calls of the test side, three of ten, before a small model answers."),
    formMargin: z
      .number()
      .gt(0)
      .max(1)
      .default(0.01)
      .describe(
        "By how much of the test draws a small model may at most be invalid, or call tools, where the reference is not and does not: by a bound that holds at all looks together, with what the attempt may spend of delta, so that 1 % takes at least 326 draws at a first attempt and delta 0.1.",
      ),
    canaryAudits: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(20)
      .describe("Audited calls without an alarm before a canary's next share."),
    judge: anyModelName
      .nullable()
      .default(null)
      .describe(
        "The model that is asked whether a small model's prose is as good as the reference's: a cloud model, or `slm/<model id>`. Null: nobody is, and prose that differs counts as a loss.",
      ),
    feedbackThreshold: z
      .number()
      .gt(0)
      .max(1)
      .default(0.5)
      .describe("The score of feedback from which an answer counts as right; thumbs are 0 and 1."),
    nodeUsdPerMillionTokens: z
      .number()
      .min(0)
      .default(0)
      .describe("What the nodes cost, energy and depreciation, for each million tokens that they count."),
    maxP95Ms: z
      .number()
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        "The longest that a small model may take for 95 % of a task's calls, unless the task has a limit of its own; null for no limit.",
      ),
  })
  .strict()
  .prefault({})
  .describe("How recurring tasks move from the model that was asked for to a small one.");
