from anthropic import Anthropic, beta_tool
from common import GATEWAY, KEY, MODEL, PREFIX, QUESTION, WEATHER_SCHEMA, Weather, error_of, tell

client = Anthropic(base_url=GATEWAY, api_key=KEY, max_retries=0)
body = {"max_tokens": 100, "messages": [{"role": "user", "content": QUESTION}]}
seen = {}


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


seen["plain"] = [text_of(client.messages.create(model=MODEL, **body))]
with client.messages.stream(model=MODEL, **body) as stream:
    seen["streamed"] = ["".join(stream.text_stream)]
    usage = stream.get_final_message().usage
seen["tokens"] = [usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)]

tools = [{"name": "weather", "input_schema": WEATHER_SCHEMA}]
first = client.messages.create(model=MODEL, tools=tools, **body)
call = next(block for block in first.content if block.type == "tool_use")
second = client.messages.create(
    model=MODEL,
    tools=tools,
    max_tokens=100,
    messages=[
        *body["messages"],
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]},
    ],
)
given = []


@beta_tool
def weather(city: str) -> str:
    """The weather.

    Args:
        city: Where.
    """
    given.append({"city": city})
    return "sunny"


runner = client.beta.messages.tool_runner(model=MODEL, tools=[weather], **body)
seen["tool"] = [text_of(second), text_of(runner.until_done())]
seen["arguments"] = [call.input, *given]
seen["object"] = [client.messages.parse(model=MODEL, output_format=Weather, **body).parsed_output.model_dump()]


def ask(model, key=KEY):
    Anthropic(base_url=GATEWAY, api_key=key, max_retries=0).messages.create(model=model, **body)


seen["errors"] = {
    "wrong_key": error_of(lambda: ask(MODEL, "wrong")),
    "busy": error_of(lambda: ask(PREFIX + "busy")),
    "broken": error_of(lambda: ask(PREFIX + "broken")),
    "unknown_model": error_of(lambda: ask("slm/none")),
    "wrong_type": error_of(lambda: client.messages.create(model=MODEL, max_tokens=1, messages="no list")),
}
tell(seen)
