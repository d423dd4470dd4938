"""What is read of a chat completion; whatever else a server sends is left aside.

Source: https://platform.openai.com/docs/api-reference/chat/object
"""

from typing import Annotated

from pydantic import BaseModel, Field


class Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class Choice(BaseModel):
    message: Message
    finish_reason: str | None = None


class Usage(BaseModel):
    """Tokens; servers that do not count leave them out."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Completion(BaseModel):
    """A model's answer."""

    choices: Annotated[list[Choice], Field(min_length=1)]
    model: str | None = None
    usage: Usage | None = None
