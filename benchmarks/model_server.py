"""A model server that costs almost nothing, in a process of its own.

It answers every POST with the same chat completion of 3 KB after the latency; it reads no more of a request than its
length. The tests' fake (`tests.fakes.openai_server`) can misbehave, but its answer is smaller than 1 KB, and it takes
0.15 ms of CPU a call, which on a machine with few cores would be taken from Draftline; this one takes 0.02 ms::

    python -m benchmarks.model_server --latency 1     (prints its base URL, then serves until it is killed)
"""

import argparse
import asyncio
import json

from benchmarks import work

MODEL = "bench-1"
LENGTH = b"content-length:"
HEAD_END = b"\r\n\r\n"
BACKLOG = 4096


def completion() -> bytes:
    """Return the whole HTTP answer."""
    body = json.dumps(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": MODEL,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": work.answer(), "refusal": None},
                    "finish_reason": "stop",
                    "logprobs": None,
                }
            ],
            "usage": {"prompt_tokens": 300, "completion_tokens": 750, "total_tokens": 1050},
        }
    ).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class ModelProtocol(asyncio.Protocol):
    """One connection; requests come one after the other, as HTTP clients without pipelining send them."""

    def __init__(self, answer: bytes, latency_seconds: float) -> None:
        self._answer = answer
        self._latency_seconds = latency_seconds
        self._read = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (size := request_size(self._read)) is not None and len(self._read) >= size:
            self._read = self._read[size:]
            if self._latency_seconds:
                asyncio.get_running_loop().call_later(self._latency_seconds, self._respond)
            else:
                self._respond()

    def _respond(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._answer)


def request_size(read: bytes) -> int | None:
    """Return the size of the first request in bytes, head and body; None while its head is incomplete."""
    end = read.find(HEAD_END)
    if end < 0:
        return None
    for line in read[:end].lower().split(b"\r\n"):
        if line.startswith(LENGTH):
            return end + len(HEAD_END) + int(line[len(LENGTH) :])
    return end + len(HEAD_END)


async def serve(latency_seconds: float) -> None:
    """Serve on a free port of loopback; print the base URL first."""
    loop = asyncio.get_running_loop()
    answer = completion()
    server = await loop.create_server(lambda: ModelProtocol(answer, latency_seconds), "127.0.0.1", 0, backlog=BACKLOG)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A lean model server for benchmarks.")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that an answer takes")
    asyncio.run(serve(parser.parse_args().latency))
