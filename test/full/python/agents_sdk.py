import asyncio

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from common import KEY, MODEL, OPENAI_URL, PREFIX, QUESTION, Weather, tell
from openai import AsyncOpenAI

set_tracing_disabled(True)


def client(key):
    return AsyncOpenAI(base_url=OPENAI_URL, api_key=key, max_retries=0)


MODELS = (
    lambda name, key=KEY: OpenAIResponsesModel(model=name, openai_client=client(key)),
    lambda name, key=KEY: OpenAIChatCompletionsModel(model=name, openai_client=client(key)),
)


async def error_of(model):
    try:
        await Runner.run(Agent(name="Asker", model=model), QUESTION)
    except Exception as error:
        return type(error).__name__
    return None


async def main():
    seen = {"plain": [], "streamed": [], "tokens": [], "tool": [], "arguments": [], "object": []}
    errors = {"wrong_key": [], "busy": [], "broken": []}

    @function_tool
    def weather(city: str) -> str:
        """The weather of a city."""
        seen["arguments"].append({"city": city})
        return "sunny"

    for make in MODELS:
        plain = await Runner.run(Agent(name="Asker", instructions="Be brief.", model=make(MODEL)), QUESTION)
        seen["plain"].append(plain.final_output)
        streamed = Runner.run_streamed(Agent(name="Asker", model=make(MODEL)), QUESTION)
        pieces = []
        async for event in streamed.stream_events():
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                pieces.append(event.data.delta)
        seen["streamed"].append("".join(pieces))
        seen["tokens"].append(plain.raw_responses[-1].usage.input_tokens)
        tooled = Agent(name="Asker", model=make(MODEL), tools=[weather])
        seen["tool"].append((await Runner.run(tooled, QUESTION)).final_output)
        loop = Runner.run_streamed(tooled, QUESTION)
        async for _ in loop.stream_events():
            pass
        seen["tool"].append(loop.final_output)
        structured = Agent(name="Asker", model=make(MODEL), output_type=Weather)
        seen["object"].append((await Runner.run(structured, QUESTION)).final_output.model_dump())
        errors["wrong_key"].append(await error_of(make(MODEL, "wrong")))
        errors["busy"].append(await error_of(make(PREFIX + "busy")))
        errors["broken"].append(await error_of(make(PREFIX + "broken")))
    seen["errors"] = errors
    tell(seen)


asyncio.run(main())
