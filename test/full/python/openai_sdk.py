import json

from common import KEY, MODEL, OPENAI_URL, PREFIX, QUESTION, WEATHER_SCHEMA, Weather, error_of, tell
from openai import OpenAI

client = OpenAI(base_url=OPENAI_URL, api_key=KEY, max_retries=0)
messages = [{"role": "user", "content": QUESTION}]
seen = {}

chat = client.chat.completions.create(model=MODEL, messages=messages)
response = client.responses.create(model=MODEL, input=QUESTION)
seen["plain"] = [chat.choices[0].message.content, response.output_text]

pieces, usage = [], None
for chunk in client.chat.completions.create(
    model=MODEL, messages=messages, stream=True, stream_options={"include_usage": True}
):
    pieces += [choice.delta.content for choice in chunk.choices if choice.delta.content]
    usage = chunk.usage or usage
with client.responses.stream(model=MODEL, input=QUESTION) as stream:
    streamed = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
    final = stream.get_final_response()
seen["streamed"] = ["".join(pieces), streamed]
seen["tokens"] = [usage.prompt_tokens, final.usage.input_tokens]

function = {"name": "weather", "parameters": WEATHER_SCHEMA}
tools = [{"type": "function", "function": function}]
asked = client.chat.completions.create(model=MODEL, messages=messages, tools=tools).choices[0].message
call = asked.tool_calls[0]
result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
answer = client.chat.completions.create(model=MODEL, messages=[*messages, asked, result], tools=tools)
first = client.responses.create(model=MODEL, input=QUESTION, tools=[{"type": "function", **function, "strict": False}])
item = next(item for item in first.output if item.type == "function_call")
output = {"type": "function_call_output", "call_id": item.call_id, "output": "sunny"}
second = client.responses.create(model=MODEL, previous_response_id=first.id, input=[output])
seen["tool"] = [answer.choices[0].message.content, second.output_text]
seen["arguments"] = [json.loads(call.function.arguments), json.loads(item.arguments)]

parsed = client.chat.completions.parse(model=MODEL, messages=messages, response_format=Weather)
parsed_response = client.responses.parse(model=MODEL, input=QUESTION, text_format=Weather)
seen["object"] = [parsed.choices[0].message.parsed.model_dump(), parsed_response.output_parsed.model_dump()]


def ask(model, key=KEY):
    OpenAI(base_url=OPENAI_URL, api_key=key, max_retries=0).chat.completions.create(model=model, messages=messages)


seen["errors"] = {
    "wrong_key": error_of(lambda: ask(MODEL, "wrong")),
    "busy": error_of(lambda: ask(PREFIX + "busy")),
    "broken": error_of(lambda: ask(PREFIX + "broken")),
    "unknown_model": error_of(lambda: ask("slm/none")),
    "wrong_type": error_of(lambda: client.chat.completions.create(model=MODEL, messages="no list")),
}
tell(seen)
