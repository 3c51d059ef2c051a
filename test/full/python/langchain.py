from common import GATEWAY, KEY, MODEL, OPENAI_URL, PREFIX, QUESTION, Weather, error_of, tell
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return "sunny"


def openai(model, key=KEY, responses=False):
    return ChatOpenAI(
        model=model, base_url=OPENAI_URL, api_key=key, max_retries=0, use_responses_api=responses, stream_usage=True
    )


def openai_responses(model, key=KEY):
    return openai(model, key, responses=True)


def anthropic(model, key=KEY):
    return ChatAnthropic(model=model, base_url=GATEWAY, api_key=key, max_retries=0, max_tokens=100)


seen = {"plain": [], "streamed": [], "tokens": [], "tool": [], "arguments": [], "object": []}
errors = {"wrong_key": [], "busy": [], "broken": []}
for make in (openai, openai_responses, anthropic):
    llm = make(MODEL)
    seen["plain"].append(llm.invoke(QUESTION).text)
    chunks = list(llm.stream(QUESTION))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    seen["streamed"].append(whole.text)
    seen["tokens"].append(whole.usage_metadata["input_tokens"])
    history = [HumanMessage(QUESTION)]
    bound = llm.bind_tools([weather])
    asked = bound.invoke(history)
    call = asked.tool_calls[0]
    result = ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])
    seen["arguments"].append(call["args"])
    seen["tool"].append(bound.invoke([*history, asked, result]).text)
    seen["object"].append(llm.with_structured_output(Weather, method="json_schema").invoke(QUESTION).model_dump())
    seen["object"].append(llm.with_structured_output(Weather, method="function_calling").invoke(QUESTION).model_dump())
    errors["wrong_key"].append(error_of(lambda: make(MODEL, "wrong").invoke(QUESTION)))
    errors["busy"].append(error_of(lambda: make(PREFIX + "busy").invoke(QUESTION)))
    errors["broken"].append(error_of(lambda: make(PREFIX + "broken").invoke(QUESTION)))
seen["errors"] = errors
tell(seen)
