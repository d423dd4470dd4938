"""The tools of components, over the other apps. The only place where components meet the database at run time."""

from collections.abc import Awaitable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from django.conf import settings

from components.contract import (
    FoundMedia,
    FoundTemplate,
    ModelProvider,
    ModelProviders,
    StepNotes,
    TemplateNotFound,
    Tools,
)
from components.fresh import Fresh
from components.outbound import OutboundHttp
from components.providers.choice import Providers, provider_name
from components.providers.limited import Gate, LimitedProvider, OnWait
from media_app.services import asset_find, asset_url
from templates_app.answers import template_answers
from templates_app.services import NoTemplateFits, template_select

TEMPLATE_SECONDS = 0.4  # base/shared_answers.py counts on it
TEMPLATES_KEPT = 256
LONGEST_KEPT_WISH = 200


class RunSync(Protocol):
    """Runs blocking code in a thread that may use the database."""

    def __call__(self, function: Any, /, *args: Any) -> Awaitable[Any]: ...


@dataclass(frozen=True)
class TemplateWish:
    """What decides which template is chosen."""

    organization_id: str
    type: str
    tone: str
    audience: str
    template_id: str | None

    @property
    def is_short(self) -> bool:
        return all(len(text) <= LONGEST_KEPT_WISH for text in (self.tone, self.audience, self.template_id or ""))


async def not_told(reason: str) -> None:
    """Let nobody know that a call waits."""


class Toolbox:
    """Everything that tools share. Make one per drain inside its running loop, close it at the end.

    Args:
        gate: what keeps calls of models within their limits; None lets all of them through.
    """

    def __init__(self, run_sync: RunSync, gate: Gate | None = None) -> None:
        self._run_sync = run_sync
        self._gate = gate
        self._templates: Fresh[FoundTemplate] = Fresh(seconds=TEMPLATE_SECONDS, size=TEMPLATES_KEPT)
        self._http = OutboundHttp(allow_private=settings.HTTP_ALLOW_PRIVATE)
        self._models = Providers()

    def tools_for(
        self, *, organization_id: str, idempotency_key: str, notes: StepNotes, on_wait: OnWait = not_told
    ) -> Tools:
        """Return the tools of one step run.

        Args:
            on_wait: told why, where a call of a model has to wait.
        """
        return Tools(
            templates=_Templates(organization_id, self._run_sync, self._templates),
            media=_Media(organization_id, self._run_sync),
            http=self._http,
            models=self._limited(organization_id, on_wait),
            idempotency_key=idempotency_key,
            notes=notes,
        )

    def _limited(self, organization_id: str, on_wait: OnWait) -> ModelProviders:
        return (
            self._models if self._gate is None else _LimitedModels(self._models, self._gate, organization_id, on_wait)
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._templates.aclose()
        await self._http.aclose()
        await self._models.aclose()


class _LimitedModels:
    """The model providers behind the gate."""

    def __init__(self, models: Providers, gate: Gate, organization_id: str, on_wait: OnWait) -> None:
        self._models = models
        self._gate = gate
        self._organization_id = organization_id
        self._on_wait = on_wait

    def get(self, name: str | None) -> ModelProvider:
        inner = self._models.get(name)
        return LimitedProvider(provider_name(name), inner, self._gate, self._organization_id, self._on_wait)


class _Templates:
    """The template finder of one organization."""

    def __init__(self, organization_id: str, run_sync: RunSync, kept: Fresh[FoundTemplate]) -> None:
        self._organization_id = organization_id
        self._run_sync = run_sync
        self._kept = kept

    async def find(
        self, *, type: str, tone: str = "", audience: str = "", template_id: str | None = None
    ) -> FoundTemplate:
        wish = TemplateWish(self._organization_id, type, tone, audience, template_id)
        if not wish.is_short:
            return await self._load(wish)
        return await self._kept.get(wish, lambda: self._load(wish))

    async def _load(self, wish: TemplateWish) -> FoundTemplate:
        found: FoundTemplate = await self._run_sync(_select_template, wish)
        return found


def _select_template(wish: TemplateWish) -> FoundTemplate:
    question = asdict(wish)

    def select() -> dict[str, Any]:
        return asdict(template_select(**question))

    try:
        return FoundTemplate(**(template_answers.get(question, select) if wish.is_short else select()))
    except NoTemplateFits as exc:
        raise TemplateNotFound(exc.available) from exc


class _Media:
    """The media finder of one organization."""

    def __init__(self, organization_id: str, run_sync: RunSync) -> None:
        self._organization_id = organization_id
        self._run_sync = run_sync

    async def find(self, *, tags: Sequence[str], keywords: Sequence[str], limit: int) -> list[FoundMedia]:
        found: list[FoundMedia] = await self._run_sync(
            _find_media, self._organization_id, list(tags), list(keywords), limit
        )
        return found


def _find_media(organization_id: str, tags: list[str], keywords: list[str], limit: int) -> list[FoundMedia]:
    found = asset_find(organization_id=organization_id, tags=tags, keywords=keywords, limit=limit)
    return [
        FoundMedia(id=asset.pk, url=asset_url(asset), alt=asset.alt, width=asset.width, height=asset.height)
        for asset in found
    ]
