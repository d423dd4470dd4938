"""Finds a provider by its name: the ``models`` of a component's tools."""

from django.conf import settings

from components.contract import ModelProvider
from components.errors import PermanentError
from components.providers.offline import OfflineProvider
from components.providers.openai import OpenAiProvider

OPENAI = "openai"
OFFLINE = "offline"


def provider_name(name: str | None) -> str:
    """Return the name itself, or the installation's own choice: openai where a key is set, else offline."""
    return name or (OPENAI if settings.OPENAI_API_KEY else OFFLINE)


class Providers:
    """The providers of one event loop: their connections belong to it. Make one per drain, close it at the end."""

    def __init__(self) -> None:
        self._offline = OfflineProvider()
        self._openai: OpenAiProvider | None = None

    def get(self, name: str | None) -> ModelProvider:
        """Return the provider of that name; None for the installation's own choice.

        Raises:
            PermanentError: there is none of that name, or it is not set up.
        """
        name = provider_name(name)
        if name == OFFLINE:
            return self._offline
        if name == OPENAI:
            return self._open_openai()
        raise PermanentError(
            f"There is no model provider {name!r}; there are {OPENAI} and {OFFLINE}.", type="unknown_provider"
        )

    def _open_openai(self) -> OpenAiProvider:
        if not settings.OPENAI_API_KEY:
            raise PermanentError(
                "The provider openai is not set up: set OPENAI_API_KEY (any text, for a server that asks for none).",
                type="provider_not_set_up",
            )
        if self._openai is None:
            self._openai = OpenAiProvider(
                api_key=settings.OPENAI_API_KEY,
                base_url=settings.OPENAI_BASE_URL or None,
                default_model=settings.OPENAI_MODEL,
            )
        return self._openai

    async def aclose(self) -> None:
        """Close the connections."""
        if self._openai is not None:
            await self._openai.aclose()
            self._openai = None
