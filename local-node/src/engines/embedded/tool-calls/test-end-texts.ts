/** Texts of tokens that llama.cpp takes for the end of a reply, of the models whose templates the tests look at. */
export const END_TEXTS = [
  "</s>",
  "<|im_end|>",
  "<|eot_id|>",
  "<|eom_id|>",
  "<|end_of_text|>",
  "<|call|>",
  "<|calls|>",
  "<|tool_response>",
  "<turn|>",
  "<|message_sep|>",
  "<SPECIAL_12>",
  "<｜end▁of▁sentence｜>",
];
