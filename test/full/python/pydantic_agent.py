import asyncio

from anthropic import AsyncAnthropic
from common import GATEWAY, KEY, MODEL, OPENAI_URL, PREFIX, QUESTION, Weather, tell
from openai import AsyncOpenAI
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider


def openai_provider(key):
    return OpenAIProvider(openai_client=AsyncOpenAI(base_url=OPENAI_URL, api_key=key, max_retries=0))


def anthropic_provider(key):
    return AnthropicProvider(anthropic_client=AsyncAnthropic(base_url=GATEWAY, api_key=key, max_retries=0))


MODELS = (
    lambda name, key=KEY: OpenAIChatModel(name, provider=openai_provider(key)),
    lambda name, key=KEY: OpenAIResponsesModel(name, provider=openai_provider(key)),
    lambda name, key=KEY: AnthropicModel(name, provider=anthropic_provider(key)),
)


async def status_of(model):
    try:
        await Agent(model).run(QUESTION)
    except ModelHTTPError as error:
        return error.status_code
    return None


async def main():
    seen = {"plain": [], "streamed": [], "tokens": [], "tool": [], "arguments": [], "object": []}
    errors = {"wrong_key": [], "busy": [], "broken": []}
    for make in MODELS:
        plain = await Agent(make(MODEL)).run(QUESTION)
        seen["plain"].append(plain.output)
        async with Agent(make(MODEL)).run_stream(QUESTION) as stream:
            seen["streamed"].append("".join([text async for text in stream.stream_text(delta=True)]))
            usage = stream.usage() if callable(stream.usage) else stream.usage
            seen["tokens"].append(usage.input_tokens)
        agent = Agent(make(MODEL))

        @agent.tool_plain
        def weather(city: str) -> str:
            """The weather of a city."""
            seen["arguments"].append({"city": city})
            return "sunny"

        seen["tool"].append((await agent.run(QUESTION)).output)
        # It takes Anthropic's models for capable of native output by their names alone.
        kinds = (Weather,) if isinstance(make(MODEL), AnthropicModel) else (Weather, NativeOutput(Weather))
        for kind in kinds:
            structured = await Agent(make(MODEL), output_type=kind).run(QUESTION)
            seen["object"].append(structured.output.model_dump())
        errors["wrong_key"].append(await status_of(make(MODEL, "wrong")))
        errors["busy"].append(await status_of(make(PREFIX + "busy")))
        errors["broken"].append(await status_of(make(PREFIX + "broken")))
    seen["errors"] = errors
    tell(seen)


asyncio.run(main())
