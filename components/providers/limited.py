"""Keeps calls of a model provider within the limits that all workers share."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from components.contract import ModelAnswer, ModelProvider, ModelRequest

RATE_LIMITED = "rate_limited"
CHARACTERS_PER_TOKEN = 4
OnWait = Callable[[str], Awaitable[None]]


class Call(Protocol):
    """A call that may be made."""

    def used(self, tokens: int) -> None:
        """Say how many tokens it really used."""
        ...


class Gate(Protocol):
    """Lets calls begin when the limits allow it."""

    def call(
        self, provider: str, *, organization: str, tokens: int, on_wait: OnWait
    ) -> AbstractAsyncContextManager[Call]:
        """Hold a place for a call while it runs.

        Args:
            organization: for whom; those that wait come to their turn one after the other.
            tokens: about how many it will use.
            on_wait: told why, in plain words, when it takes longer than a moment.

        Raises:
            ProviderBusy: the provider is left alone for now, or the wait would be long. Also instead of a
                ``rate_limited`` error of the call itself.
        """
        ...


class LimitedProvider:
    """A model provider behind the gate."""

    def __init__(self, name: str, inner: ModelProvider, gate: Gate, organization: str, on_wait: OnWait) -> None:
        self._name = name
        self._inner = inner
        self._gate = gate
        self._organization = organization
        self._on_wait = on_wait

    async def generate(self, request: ModelRequest) -> ModelAnswer:
        """Ask when it is our turn; see `components.contract.ModelProvider`."""
        place = self._gate.call(
            self._name, organization=self._organization, tokens=_estimate(request), on_wait=self._on_wait
        )
        async with place as call:
            answer = await self._inner.generate(request)
            call.used(answer.input_tokens + answer.output_tokens)
            return answer


def _estimate(request: ModelRequest) -> int:
    """Return about what a provider counts before it knows: the prompt, and the longest answer."""
    return (len(request.system) + len(request.prompt)) // CHARACTERS_PER_TOKEN + request.max_tokens
