"""A model server over real HTTP that can misbehave on command.

In a test::

    with FakeOpenAi() as server:
        server.next(rate_limited(retry_after="2"), answer())
        ...OPENAI_BASE_URL = server.base_url...
        server.wait_until(lambda: server.calls == 2)

For load, in a process of its own (prints its base URL, then serves; GET /stats tells what it saw)::

    python -m tests.fakes.openai_server --port 0 --latency 1
"""

import argparse
import asyncio
import json
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import web

SEED_CONTENT = json.loads((Path(__file__).parents[1] / "seed" / "4-final.json").read_text())["data"][
    "generated_content"
]
BODIES_KEPT = 1000
START_SECONDS = 10.0
MAX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Behaviour:
    """How one call is answered.

    Args:
        status: of the HTTP answer; below 300 it is a chat completion.
        text: what the model says; None for text that fits the schema.
        error: OpenAI's error object, for other statuses.
        drop: break the connection off instead.
        trickle_seconds: send the answer byte by byte, one every so many seconds.
        raw: the whole body, instead of a chat completion.
        rejects_schema: answer 400 to a JSON schema, as servers do that know json_object only.
    """

    latency_seconds: float | None = None
    status: int = 200
    text: str | None = None
    refusal: str | None = None
    finish_reason: str = "stop"
    model: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    drop: bool = False
    trickle_seconds: float | None = None
    raw: str | None = None
    rejects_schema: bool = False


def answer(text: str | None = None, *, model: str | None = None, latency_seconds: float | None = None) -> Behaviour:
    return Behaviour(text=text, model=model, latency_seconds=latency_seconds)


def content(value: Any) -> Behaviour:
    return Behaviour(text=json.dumps(value))


def rate_limited(retry_after: str | None = None, *, retry_after_ms: str | None = None) -> Behaviour:
    headers = {"Retry-After": retry_after, "Retry-After-Ms": retry_after_ms}
    return failing(429, "Rate limit reached.", headers={name: value for name, value in headers.items() if value})


def failing(status: int = 500, message: str = "The server had an error.", **options: Any) -> Behaviour:
    return Behaviour(status=status, error={"message": message, "type": "error", "param": None, "code": None}, **options)


def refusal(words: str = "I cannot help with that.") -> Behaviour:
    return Behaviour(refusal=words)


def empty() -> Behaviour:
    return Behaviour(text="")


def broken_json() -> Behaviour:
    return Behaviour(text='{"introduction": "It begins well')


def wrong_schema() -> Behaviour:
    return content({"something": "else"})


def truncated() -> Behaviour:
    return Behaviour(text='{"introduction": "It goes on and', finish_reason="length")


def content_filtered() -> Behaviour:
    return Behaviour(text="", finish_reason="content_filter")


def dropped() -> Behaviour:
    return Behaviour(drop=True)


def trickling(seconds: float = 0.05) -> Behaviour:
    return Behaviour(trickle_seconds=seconds)


def garbled() -> Behaviour:
    return Behaviour(raw='{"choices": [')


class FakeOpenAi:
    """The server, in a thread with an event loop of its own; one thread serves hundreds of connections.

    Everything that it saw may be read from any thread: ``calls``, ``in_flight``, ``most_in_flight``,
    ``disconnects``, ``bodies`` (the newest requests), ``authorizations``.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, latency_seconds: float = 0.0) -> None:
        self.latency_seconds = latency_seconds
        self.default = Behaviour()
        self.calls = self.in_flight = self.most_in_flight = self.disconnects = 0
        self.bodies: deque[dict[str, Any]] = deque(maxlen=BODIES_KEPT)
        self.authorizations: deque[str] = deque(maxlen=BODIES_KEPT)
        self._host = host
        self._port = port
        self._planned: deque[Behaviour] = deque()
        self._rules: list[tuple[str, Behaviour]] = []
        self._changed = threading.Condition()
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._gate = asyncio.Event()
        self._gate.set()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, name="fake-openai", daemon=True)

    # --- life ---------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> Self:
        self._thread.start()
        if not self._started.wait(START_SECONDS):
            raise RuntimeError("The fake model server did not start.")
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(START_SECONDS)

    @property
    def port(self) -> int:
        return self._port

    @property
    def base_url(self) -> str:
        return f"http://{self._host}:{self._port}/v1"

    # --- commands -----------------------------------------------------------------------------------------

    def next(self, *behaviours: Behaviour) -> None:
        """Answer the next calls like this, one each; then the default again."""
        self._planned.extend(behaviours)

    def when(self, words: str, behaviour: Behaviour) -> None:
        """Answer every call like this whose messages hold these words; goes before `next`."""
        self._rules.append((words, behaviour))

    def forget_rules(self) -> None:
        """Take back what `when` said."""
        self._rules.clear()

    def hold(self) -> None:
        """Hold all answers until `release`."""
        self._on_loop(self._gate.clear)

    def release(self) -> None:
        self._on_loop(self._gate.set)

    def wait_until(self, condition: Callable[[], bool], timeout_seconds: float = 10.0) -> None:
        """Wait for what the server sees to become so.

        Raises:
            TimeoutError: it did not.
        """
        with self._changed:
            if not self._changed.wait_for(condition, timeout_seconds):
                raise TimeoutError(f"Not so after {timeout_seconds} s: {self.stats()}")

    async def until(self, condition: Callable[[], bool], timeout_seconds: float = 10.0) -> None:
        """Wait as `wait_until` does, for a test whose own loop must go on."""
        await asyncio.to_thread(self.wait_until, condition, timeout_seconds)

    def stats(self) -> dict[str, int]:
        return {
            "calls": self.calls,
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "disconnects": self.disconnects,
        }

    def _on_loop(self, function: Callable[[], object]) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(function)
        self._loop.call_soon_threadsafe(done.set)
        done.wait(START_SECONDS)

    # --- serving ------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._loop.close()

    async def _main(self) -> None:
        app = web.Application(client_max_size=MAX_BYTES)
        app.router.add_post("/v1/chat/completions", self._completions)
        app.router.add_get("/stats", self._stats)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, backlog=1024)
        await site.start()
        self._port = runner.addresses[0][1]
        self._started.set()
        await self._stopping.wait()
        self._gate.set()
        await runner.cleanup()

    async def _stats(self, request: web.Request) -> web.Response:
        return web.json_response(self.stats())

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        behaviour = self._arrived(request, body)
        try:
            await asyncio.sleep(self._latency(behaviour))
            await self._gate.wait()
            return await self._answer(request, body, behaviour)
        except (asyncio.CancelledError, ConnectionError):
            self._change(disconnects=1)
            raise
        finally:
            self._change(in_flight=-1)

    def _arrived(self, request: web.Request, body: dict[str, Any]) -> Behaviour:
        self.bodies.append(body)
        self.authorizations.append(request.headers.get("Authorization", ""))
        self._change(calls=1, in_flight=1)
        said = json.dumps(body.get("messages"), ensure_ascii=False)
        for words, behaviour in self._rules:
            if words in said:
                return behaviour
        return self._planned.popleft() if self._planned else self.default

    def _latency(self, behaviour: Behaviour) -> float:
        return self.latency_seconds if behaviour.latency_seconds is None else behaviour.latency_seconds

    def _change(self, *, calls: int = 0, in_flight: int = 0, disconnects: int = 0) -> None:
        with self._changed:
            self.calls += calls
            self.in_flight += in_flight
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            self.disconnects += disconnects
            self._changed.notify_all()

    async def _answer(self, request: web.Request, body: dict[str, Any], behaviour: Behaviour) -> web.StreamResponse:
        if behaviour.drop:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if behaviour.rejects_schema and _schema(body):
            behaviour = failing(400, "'response_format' of type 'json_schema' is not supported.")
        if behaviour.status >= 300:
            return web.json_response({"error": behaviour.error}, status=behaviour.status, headers=behaviour.headers)
        written = behaviour.raw or json.dumps(_completion(body, behaviour, self.calls))
        if behaviour.trickle_seconds is not None:
            return await _trickle(request, written.encode(), behaviour.trickle_seconds)
        return web.Response(text=written, content_type="application/json", headers=behaviour.headers)


async def _trickle(request: web.Request, body: bytes, seconds: float) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(request)
    for at in range(len(body)):
        await response.write(body[at : at + 1])
        await asyncio.sleep(seconds)
    return response


def _schema(body: dict[str, Any]) -> dict[str, Any] | None:
    schema = (body.get("response_format") or {}).get("json_schema") or {}
    found: dict[str, Any] | None = schema.get("schema")
    return found


def _completion(body: dict[str, Any], behaviour: Behaviour, number: int) -> dict[str, Any]:
    text = json.dumps(fitting(_schema(body))) if behaviour.text is None else behaviour.text
    message = {"role": "assistant", "content": None if behaviour.refusal else text, "refusal": behaviour.refusal}
    asked = len(json.dumps(body.get("messages"))) // 4
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": behaviour.model or body.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": behaviour.finish_reason, "logprobs": None}],
        "usage": {"prompt_tokens": asked, "completion_tokens": len(text) // 4, "total_tokens": asked + len(text) // 4},
    }


def fitting(schema: dict[str, Any] | None) -> Any:
    """Return the seed's content where it is asked for (or nothing is), else text that fits the schema."""
    if schema is None or set(schema.get("properties", {})) == set(SEED_CONTENT):
        count = _count((schema or {}).get("properties", {}).get("body", {})) or len(SEED_CONTENT["body"])
        body = SEED_CONTENT["body"]
        return {**SEED_CONTENT, "body": [body[index % len(body)] for index in range(count)]}
    return _fill(schema, "Text")


def _count(schema: dict[str, Any]) -> int | None:
    said = re.search(r"Exactly (\d+)", schema.get("description", ""))
    return int(said[1]) if said else schema.get("minItems")


def _fill(schema: dict[str, Any], name: str) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return {key: _fill(inner, key) for key, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [_fill(schema.get("items", {}), f"{name} {index + 1}") for index in range(_count(schema) or 1)]
    simple: dict[Any, Any] = {"integer": 1, "number": 1.0, "boolean": True}
    return simple.get(kind, f"What the model says about {name}.")


def main() -> None:
    parser = argparse.ArgumentParser(description="A model server that answers the seed's article.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that an answer takes")
    chosen = parser.parse_args()
    server = FakeOpenAi(port=chosen.port, latency_seconds=chosen.latency).start()
    print(server.base_url, flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
