"""Every client once, whole or streamed, with whatever model is asked for: the words that came."""

import asyncio

from agents import Agent as OpenAIAgent
from agents import ModelSettings, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
from anthropic import Anthropic
from common import GATEWAY, KEY, MODEL, OPENAI_URL, QUESTION, tell
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI, OpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

LIMIT = 24
set_tracing_disabled(True)
openai = OpenAI(base_url=OPENAI_URL, api_key=KEY, max_retries=0)
anthropic = Anthropic(base_url=GATEWAY, api_key=KEY, max_retries=0)
later = AsyncOpenAI(base_url=OPENAI_URL, api_key=KEY, max_retries=0)
messages = [{"role": "user", "content": QUESTION}]


async def streamed_by_pydantic():
    model = OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=later))
    async with Agent(model, model_settings={"max_tokens": LIMIT}).run_stream(QUESTION) as stream:
        return await stream.get_output()


async def told_by_agent():
    # Through responses it takes a reply that was cut at its limit for a failure.
    model = OpenAIChatCompletionsModel(model=MODEL, openai_client=later)
    agent = OpenAIAgent(name="Asker", model=model, model_settings=ModelSettings(max_tokens=LIMIT))
    return (await Runner.run(agent, QUESTION)).final_output


async def both():
    return {"pydantic-ai": await streamed_by_pydantic(), "openai-agents": await told_by_agent()}


chat = openai.chat.completions.create(model=MODEL, messages=messages, max_tokens=LIMIT)
with anthropic.messages.stream(model=MODEL, messages=messages, max_tokens=LIMIT) as stream:
    said = "".join(stream.text_stream)
langchain = ChatOpenAI(model=MODEL, base_url=OPENAI_URL, api_key=KEY, max_retries=0, max_tokens=LIMIT)
langchain_anthropic = ChatAnthropic(model=MODEL, base_url=GATEWAY, api_key=KEY, max_retries=0, max_tokens=LIMIT)
tell(
    {
        "openai": chat.choices[0].message.content,
        "anthropic": said,
        "langchain-openai": "".join(chunk.text for chunk in langchain.stream(QUESTION)),
        "langchain-anthropic": langchain_anthropic.invoke(QUESTION).text,
        **asyncio.run(both()),
    }
)
