"""One kept-alive connection to the API; costs little beside what it measures."""

import http.client
import json
from types import TracebackType
from typing import Any, Self

from benchmarks.processes import BenchFailed


class HttpClient:
    """Speaks JSON with a key. Not for threads."""

    def __init__(self, port: int, key: str, *, timeout_seconds: float = 60.0) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def post(self, path: str, document: Any) -> Any:
        return self.post_bytes(path, json.dumps(document).encode())

    def post_bytes(self, path: str, body: bytes) -> Any:
        """Post a document that is written already."""
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        try:
            self._connection.request(method, path, body, self._headers)
            answer = self._connection.getresponse()
            read = answer.read()
        except (OSError, http.client.HTTPException) as exc:
            raise BenchFailed(f"{method} {path} was not answered: {exc}") from exc
        if answer.status >= 300:
            raise BenchFailed(f"{method} {path} answered {answer.status}: {read[:300].decode(errors='replace')}")
        return json.loads(read)
