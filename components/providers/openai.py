"""Asks a model at OpenAI, or at any server that speaks its chat completions."""

import asyncio
import json
import re
from typing import Any

import orjson
from httpx2 import Response
from openai import (
    APIConnectionError,
    APIStatusError,
    AsyncOpenAI,
    BadRequestError,
    DefaultAioHttpClient,
    OpenAIError,
    Timeout,
    UnprocessableEntityError,
)
from pydantic import ValidationError

from components.contract import ModelAnswer, ModelRequest
from components.errors import ComponentError, PermanentError, TransientError
from components.network import connection_error, retry_after_seconds
from components.providers.completion import Completion, Usage

WHERE = "The model server"
PATH = "chat/completions"
# Source: https://platform.openai.com/docs/guides/error-codes
QUOTA_USED_UP = "insufficient_quota"
CONNECT_SECONDS = 10.0
MAX_QUOTED = 300
# They think before they answer: they refuse max_tokens and any temperature but their own.
# Source: https://platform.openai.com/docs/guides/reasoning
REASONING_MODEL = re.compile(r"(^|/)(o\d|gpt-5(?!-chat))")

# (URL, model) of servers that refused a JSON schema, remembered for the life of the process
_without_schema: set[tuple[str, str]] = set()


class OpenAiProvider:
    """One client with its connections; it belongs to the event loop in which it is first used."""

    def __init__(self, *, api_key: str, base_url: str | None, default_model: str) -> None:
        self._default_model = default_model
        self._api_key = api_key
        self._client = AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,  # retries are the engine's: durable, counted, and seen by staff
            http_client=DefaultAioHttpClient(),  # up to 1,000 connections; its timeout is given with each call
        )
        # asked for once: with a relative path the client parses and joins addresses at every call
        self._url = str(self._client.base_url.join(PATH))

    async def generate(self, request: ModelRequest) -> ModelAnswer:
        """Ask once.

        Raises:
            TransientError: connection_refused, unreachable, connection_lost, timeout, rate_limited, provider_error,
                empty_answer.
            PermanentError: provider_auth, provider_quota, unknown_model, request_refused, model_refusal,
                output_truncated, content_filter.
        """
        try:
            async with asyncio.timeout(request.timeout_seconds):
                completion = await self._complete(request)
        except APIConnectionError as exc:
            raise connection_error(exc, WHERE) from exc
        except TimeoutError as exc:
            seconds = f"{request.timeout_seconds:g}"
            raise TransientError(f"{WHERE} did not answer within {seconds} seconds.", type="timeout") from exc
        except APIStatusError as exc:
            raise self._status_error(exc, request) from exc
        except (OpenAIError, ValueError) as exc:
            raise TransientError(f"{WHERE} sent an answer that cannot be read.", type="provider_error") from exc
        return _read(completion, request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _complete(self, request: ModelRequest) -> bytes:
        server = (self._url, request.model or self._default_model)
        if server in _without_schema:
            return await self._call(request, with_schema=False)
        try:
            return await self._call(request, with_schema=True)
        except (BadRequestError, UnprocessableEntityError) as exc:
            if not _is_about_schema(exc):
                raise
        completion = await self._call(request, with_schema=False)
        _without_schema.add(server)
        return completion

    async def _call(self, request: ModelRequest, *, with_schema: bool) -> bytes:
        model = request.model or self._default_model
        system = request.system if with_schema else f"{request.system}\n\n{_schema_in_words(request.schema)}"
        options: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": request.prompt}],
            "response_format": _response_format(request.schema) if with_schema else {"type": "json_object"},
            **_parameters(model, request),
        }
        timeout = Timeout(request.timeout_seconds, connect=min(CONNECT_SECONDS, request.timeout_seconds))
        # chat.completions.create() would hold every parameter against its type, and build an object of every value of
        # the answer: more than half of a call's CPU. It names the kind of key too, else the client copies its list
        answer = await self._client.post(
            self._url,
            cast_to=Response,
            content=orjson.dumps(options),
            options={"timeout": timeout, "security": {"bearer_auth": True}},
        )
        return answer.content

    def _status_error(self, exc: APIStatusError, request: ModelRequest) -> ComponentError:
        status = exc.status_code
        if status in (401, 403):
            return PermanentError(
                f"{WHERE} refused our key ({status}): check OPENAI_API_KEY and what it may use.", type="provider_auth"
            )
        said = self._quoted(exc)
        if status == 404:
            model = request.model or self._default_model
            return PermanentError(
                f"{WHERE} does not know the model {model!r} (404): check the step's 'model', OPENAI_MODEL and "
                f"OPENAI_BASE_URL.{said}",
                type="unknown_model",
            )
        wait = retry_after_seconds(exc.response.headers)
        if status == 429 and _code(exc) == QUOTA_USED_UP:  # waiting does not help, money does
            return PermanentError(
                f"{WHERE} says that our quota is used up (429): check its plan and billing.{said}",
                type="provider_quota",
            )
        if status == 429:
            return TransientError(
                f"{WHERE} limits how often we may ask (429).{said}", retry_after=wait, type="rate_limited"
            )
        if status in (408, 409, 425) or status >= 500:
            return TransientError(f"{WHERE} failed ({status}).{said}", retry_after=wait, type="provider_error")
        return PermanentError(f"{WHERE} refused the request ({status}).{said}", type="request_refused")

    def _quoted(self, exc: APIStatusError) -> str:
        message = exc.body.get("message") if isinstance(exc.body, dict) else None
        if not isinstance(message, str) or not message.strip():
            return ""
        clean = " ".join(message.replace(self._api_key, "[key]").split())
        return f" It said: {clean[:MAX_QUOTED]}"


def _code(exc: APIStatusError) -> Any:
    return exc.body.get("code") if isinstance(exc.body, dict) else None


def _parameters(model: str, request: ModelRequest) -> dict[str, Any]:
    if REASONING_MODEL.search(model):
        return {"max_completion_tokens": request.max_tokens}
    return {"temperature": request.temperature, "max_tokens": request.max_tokens}


def _response_format(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "content", "strict": True, "schema": schema}}


def _schema_in_words(schema: dict[str, Any]) -> str:
    return f"Answer with JSON that fits this JSON schema:\n{json.dumps(schema, ensure_ascii=False)}"


def _is_about_schema(exc: APIStatusError) -> bool:
    body = json.dumps(exc.body, default=str).lower()
    return any(word in body for word in ("response_format", "json_schema", "structured output"))


def _read(body: bytes, request: ModelRequest) -> ModelAnswer:
    try:
        completion = Completion.model_validate_json(body)
    except ValidationError as exc:
        raise TransientError(f"{WHERE} sent something that is no chat completion.", type="provider_error") from exc
    choice = completion.choices[0]
    if choice.message.refusal:
        said = " ".join(choice.message.refusal.split())[:MAX_QUOTED]
        raise PermanentError(f"The model refused to write this. It said: {said}", type="model_refusal")
    if choice.finish_reason == "content_filter":
        raise PermanentError("The model's answer was stopped by its content filter.", type="content_filter")
    if choice.finish_reason == "length":
        raise PermanentError(
            f"The model's answer was cut off at {request.max_tokens} tokens: raise max_tokens, or ask for less.",
            type="output_truncated",
        )
    usage = completion.usage or Usage()
    return ModelAnswer(
        text=choice.message.content or "",
        model=completion.model or request.model or "unknown",
        input_tokens=usage.prompt_tokens or 0,
        output_tokens=usage.completion_tokens or 0,
    )
