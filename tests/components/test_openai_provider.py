"""What the provider makes of everything that a model server can do, over real connections."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from components.contract import ModelRequest
from components.errors import ComponentError, TransientError
from components.providers import openai as provider_module
from components.providers.openai import OpenAiProvider
from tests.fakes import openai_server as fake
from tests.fakes.openai_server import FakeOpenAi

KEY = "sk-very-secret-key"
SCHEMA = {
    "type": "object",
    "properties": {"summary": {"type": "string"}},
    "required": ["summary"],
    "additionalProperties": False,
}


def request(**options) -> ModelRequest:
    wishes = {
        "system": "You write.",
        "prompt": "Write a summary.",
        "schema": SCHEMA,
        "model": "gpt-4",
        "temperature": 0.7,
        "max_tokens": 2000,
        "timeout_seconds": 10.0,
    }
    return ModelRequest(**{**wishes, **options})


@pytest.fixture(autouse=True)
def _nothing_remembered():
    provider_module._without_schema.clear()


@pytest.fixture
async def provider(model_server: FakeOpenAi) -> AsyncIterator[OpenAiProvider]:
    made = OpenAiProvider(api_key=KEY, base_url=model_server.base_url, default_model="gpt-4o-mini")
    yield made
    await made.aclose()


async def failure(provider: OpenAiProvider, **options) -> ComponentError:
    with pytest.raises(ComponentError) as caught:
        await provider.generate(request(**options))
    assert KEY not in str(caught.value)
    return caught.value


async def test_answer_comes_with_model_and_tokens(provider, model_server):
    answer = await provider.generate(request())
    assert answer.text == '{"summary": "What the model says about summary."}'
    assert answer.model == "gpt-4"
    assert answer.input_tokens > 0
    assert answer.output_tokens > 0
    assert model_server.authorizations[0] == f"Bearer {KEY}"


async def test_request_asks_for_strict_json_and_carries_the_parameters(provider, model_server):
    await provider.generate(request())
    body = model_server.bodies[0]
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "content", "strict": True, "schema": SCHEMA},
    }
    assert (body["temperature"], body["max_tokens"]) == (0.7, 2000)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert "stream" not in body


@pytest.mark.parametrize("model", ["o3-mini", "gpt-5", "gpt-5-mini", "openai/o1"])
async def test_reasoning_models_get_the_parameters_that_they_take(provider, model_server, model):
    await provider.generate(request(model=model))
    body = model_server.bodies[0]
    assert body["max_completion_tokens"] == 2000
    assert "max_tokens" not in body
    assert "temperature" not in body


async def test_model_is_the_installations_own_where_none_is_named(provider, model_server):
    await provider.generate(request(model=None))
    assert model_server.bodies[0]["model"] == "gpt-4o-mini"


async def test_server_without_json_schema_is_asked_in_words_and_remembered(provider, model_server):
    model_server.default = fake.Behaviour(rejects_schema=True, text='{"summary": "Short."}')
    assert (await provider.generate(request())).text == '{"summary": "Short."}'
    assert (await provider.generate(request())).text == '{"summary": "Short."}'
    formats = [body["response_format"]["type"] for body in model_server.bodies]
    assert formats == ["json_schema", "json_object", "json_object"]
    assert '"summary"' in model_server.bodies[1]["messages"][0]["content"]


async def test_other_bad_request_is_not_asked_again(provider, model_server):
    model_server.next(fake.failing(400, "The context is too long."))
    error = await failure(provider)
    assert (error.type, error.retryable) == ("request_refused", False)
    assert "The context is too long." in error.message
    assert model_server.calls == 1


async def test_refused_connection_is_called_that_and_no_time_out():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    provider = OpenAiProvider(api_key=KEY, base_url=f"http://127.0.0.1:{port}/v1", default_model="m")
    error = await failure(provider)
    await provider.aclose()
    assert (error.type, error.retryable) == ("connection_refused", True)
    assert "refused" in error.message


async def test_unknown_host_is_called_unreachable():
    provider = OpenAiProvider(api_key=KEY, base_url="http://nowhere.invalid/v1", default_model="m")
    error = await failure(provider)
    await provider.aclose()
    assert (error.type, error.retryable) == ("unreachable", True)


async def test_slow_answer_is_a_time_out(provider, model_server):
    model_server.hold()
    error = await failure(provider, timeout_seconds=0.2)
    assert (error.type, error.retryable) == ("timeout", True)
    await model_server.until(lambda: model_server.disconnects == 1)


async def test_body_that_trickles_in_is_a_time_out_too(provider, model_server):
    model_server.next(fake.trickling(0.05))
    error = await failure(provider, timeout_seconds=0.4)
    assert (error.type, error.retryable) == ("timeout", True)


async def test_dropped_connection_is_called_lost(provider, model_server):
    model_server.next(fake.dropped())
    error = await failure(provider)
    assert (error.type, error.retryable) == ("connection_lost", True)


@pytest.mark.parametrize(
    ("behaviour", "seconds"),
    [
        (fake.rate_limited("7"), 7.0),
        (fake.rate_limited(retry_after_ms="1500"), 1.5),
        (fake.rate_limited("2", retry_after_ms="250"), 0.25),
        (fake.rate_limited(), None),
        (fake.rate_limited("soon"), None),
        (fake.rate_limited("Wed, 21 Oct 2015 07:28:00 GMT"), 0.0),
    ],
)
async def test_rate_limit_says_how_long_to_wait(provider, model_server, behaviour, seconds):
    model_server.next(behaviour)
    error = await failure(provider)
    assert isinstance(error, TransientError)
    assert error.type == "rate_limited"
    assert error.retry_after == seconds
    assert model_server.calls == 1


async def test_quota_that_is_used_up_is_no_limit_of_rate(provider, model_server):
    error = {"message": "You exceeded your current quota.", "type": "insufficient_quota", "code": "insufficient_quota"}
    model_server.next(fake.Behaviour(status=429, error=error))
    found = await failure(provider)
    assert (found.type, found.retryable) == ("provider_quota", False)
    assert "You exceeded your current quota." in found.message


@pytest.mark.parametrize("status", [500, 502, 503, 408])
async def test_server_error_may_be_tried_again(provider, model_server, status):
    model_server.next(fake.failing(status, headers={"Retry-After": "3"}))
    error = await failure(provider)
    assert isinstance(error, TransientError)
    assert (error.type, error.retry_after) == ("provider_error", 3.0)


async def test_answer_that_is_cut_off_inside_its_json_may_be_tried_again(provider, model_server):
    model_server.next(fake.garbled())
    error = await failure(provider)
    assert (error.type, error.retryable) == ("provider_error", True)


@pytest.mark.parametrize(
    "raw",
    [
        "{}",
        '{"choices": []}',
        '"hello"',
        '{"choices": [{"index": 0}]}',
        '{"choices": [{"message": {"content": ["in", "parts"]}}]}',
        "null",
    ],
)
async def test_answer_that_is_no_completion_may_be_tried_again(provider, model_server, raw):
    model_server.next(fake.Behaviour(raw=raw))
    error = await failure(provider)
    assert (error.type, error.retryable) == ("provider_error", True)


@pytest.mark.parametrize("status", [401, 403])
async def test_wrong_key_says_what_to_check_and_never_the_key(provider, model_server, status):
    model_server.next(fake.failing(status, f"Incorrect API key provided: {KEY}."))
    error = await failure(provider)
    assert (error.type, error.retryable) == ("provider_auth", False)
    assert "OPENAI_API_KEY" in error.message


async def test_key_in_a_servers_words_is_taken_out(provider, model_server):
    model_server.next(fake.failing(500, f"Cannot handle {KEY}."))
    assert "[key]" in (await failure(provider)).message


async def test_unknown_model_is_named(provider, model_server):
    model_server.next(fake.failing(404, "The model does not exist."))
    error = await failure(provider, model="gpt-99")
    assert (error.type, error.retryable) == ("unknown_model", False)
    assert "gpt-99" in error.message


@pytest.mark.parametrize(
    ("behaviour", "type", "words"),
    [
        (fake.refusal("I cannot help with that."), "model_refusal", "I cannot help with that."),
        (fake.truncated(), "output_truncated", "raise max_tokens"),
        (fake.content_filtered(), "content_filter", "content filter"),
    ],
)
async def test_what_asking_again_does_not_change_is_permanent(provider, model_server, behaviour, type, words):
    model_server.next(behaviour)
    error = await failure(provider)
    assert (error.type, error.retryable) == (type, False)
    assert words in error.message


async def test_cancelled_call_closes_its_connection(provider, model_server):
    model_server.hold()
    call = asyncio.create_task(provider.generate(request()))
    await model_server.until(lambda: model_server.in_flight == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await model_server.until(lambda: model_server.disconnects == 1)


async def test_six_hundred_calls_are_under_way_at_once(provider, model_server):
    model_server.hold()
    calls = [asyncio.create_task(provider.generate(request(timeout_seconds=60))) for _ in range(600)]
    await model_server.until(lambda: model_server.in_flight == 600, 60)
    model_server.release()
    assert len(await asyncio.gather(*calls)) == 600
    assert model_server.most_in_flight == 600
