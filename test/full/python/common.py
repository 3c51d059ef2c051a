"""What the client scripts share: where the gateway is, and how they tell what they saw."""

import json
import os

from pydantic import BaseModel

GATEWAY = os.environ["GATEWAY"]
OPENAI_URL = GATEWAY + "/v1"
KEY = os.environ["KEY"]
PREFIX = os.environ.get("MODEL_PREFIX", "")
MODEL = os.environ.get("MODEL", PREFIX + "x")
QUESTION = "What is the weather in Zürich?"


class Weather(BaseModel):
    city: str
    degrees: int


WEATHER_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}


def error_of(call):
    """The name of the exception that the call raises; None when it raises none."""
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return None


def tell(seen):
    print(json.dumps(seen))
