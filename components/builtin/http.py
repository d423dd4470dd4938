"""Asks an outside service that staff registered."""

import json
from typing import Annotated, Any

from pydantic import Field, HttpUrl

from base.validation import worded
from components.contract import PROBE_SECONDS, SECRET, STAFF_ONLY, Component, ComponentConfig, ContextView, Tools

PROBE_ID = "test"
RESULT_KEY = worded(
    r"^[a-z][a-z0-9_]{0,63}$", "Use lower-case letters, digits and underscores, a letter first, at most 64 of them."
)
DataKey = Annotated[str, Field(min_length=1, max_length=100)]


class HttpConfig(ComponentConfig):
    """Which service, what it is sent, and where its answer goes."""

    url: HttpUrl = Field(description="Where to POST to.", json_schema_extra=STAFF_ONLY)
    headers: dict[str, str] = Field(
        default_factory=dict, description="Sent with the request, such as Authorization.", json_schema_extra=SECRET
    )
    result_key: str = Field(
        default="http_result",
        pattern=RESULT_KEY,
        description="The key of data that the answer is written to.",
        json_schema_extra=STAFF_ONLY,
    )
    send: list[DataKey] | None = Field(
        default=None, max_length=50, description="Which keys of data are sent. Empty: all of them."
    )
    timeout_seconds: float = Field(default=30, gt=0, le=300, description="How long to wait for the answer.")


class HttpComponent(Component[HttpConfig]):
    """POSTs ``{context_id, type, data}`` and writes the answer's JSON to ``result_key``.

    The service gets the same Idempotency-Key for every try, so that it can tell a repeated request from a new one.
    """

    name = "http"
    description = "Sends the context to an outside service that staff registered, and adds its answer."
    Config = HttpConfig
    acts_outside = True

    @classmethod
    def keys_written(cls, config: ComponentConfig) -> frozenset[str]:
        return frozenset({config.result_key}) if isinstance(config, HttpConfig) else frozenset()

    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        wanted = self.config.send
        data = {key: value for key, value in context.data.items() if wanted is None or key in wanted}
        answer = await tools.http.post_json(
            str(self.config.url),
            {"context_id": context.id, "type": context.type, "data": data},
            headers={**self.config.headers, "Idempotency-Key": tools.idempotency_key},
            timeout_seconds=self.config.timeout_seconds,
        )
        return {self.config.result_key: answer}

    async def probe(self, tools: Tools) -> str:
        """Send the service a context without data."""
        answer = await tools.http.post_json(
            str(self.config.url),
            {"context_id": PROBE_ID, "type": PROBE_ID, "data": {}},
            headers={**self.config.headers, "Idempotency-Key": tools.idempotency_key},
            timeout_seconds=min(self.config.timeout_seconds, PROBE_SECONDS),
        )
        return json.dumps(answer, ensure_ascii=False)
