"""The test of a component setting: the least that shows whether it works, with the real provider or service.

It runs in the thread that asks, on an event loop of its own: neither the web process's loop nor a worker waits for it.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from base.ids import new_id
from base.locks import one_at_a_time
from base.validation import as_schema_says
from components.adapters import Toolbox
from components.contract import PROBE_SECONDS, Component, ComponentConfig, StepNotes
from components.edits import settings_check
from components.errors import ComponentError, PermanentError, TransientError
from components.models import Component as ComponentRow
from components.registry import component_types
from components.schema import HIDDEN, secret_fields
from components.sealing import opened

MOST_TOLD = 2_000
SHORTEST_SECRET = 4
TOO_SLOW = f"It did not answer within {PROBE_SECONDS:g} seconds."


@dataclass(frozen=True)
class Probe:
    """What a test found.

    Args:
        answer: what came back, without secrets, in whole or as far as it is shown.
        model, tokens: empty and None where no model was asked.
        error: why it does not work; None where it does.
    """

    took_ms: int
    answer: str = ""
    model: str = ""
    tokens: int | None = None
    error: ComponentError | None = None

    @property
    def told(self) -> str:
        """Say in a few words how it ended."""
        return f"failed ({self.error.type})" if self.error else f"works, {self.took_ms} ms"


def can_be_probed(type_name: str) -> bool:
    """Tell whether a component has a test of its own; it has where it asks something outside of Draftline."""
    found = component_types().get(type_name)
    return found is not None and found.probe is not Component.probe


def component_probe(row: ComponentRow) -> Probe:
    """Try a setting as it is stored.

    Raises:
        InvalidInput: the settings do not fit the type.
        Busy: it is being tried at this moment.
    """
    settings_check(row.type, row.config)
    cls = component_types()[row.type]
    component = cls(as_schema_says(cls.Config, opened(cls.Config, row.config)))
    with one_at_a_time(f"probe:{row.pk}", "This setting is being tested at this moment; wait for that."):
        return asyncio.run(_probe(component))


async def _probe(component: Component[Any]) -> Probe:
    notes, toolbox = StepNotes(), Toolbox(_no_database)
    tools = toolbox.tools_for(organization_id="", idempotency_key=new_id("test"), notes=notes)
    began, error, answer = time.monotonic(), None, ""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            answer = await component.probe(tools)
    except ComponentError as exc:
        error = exc
    except TimeoutError:
        error = TransientError(TOO_SLOW, type="timeout")
    except Exception as exc:  # a component of somebody else's can raise anything
        error = PermanentError(f"{type(exc).__name__}: {exc}", type="component_broke")
    finally:
        took_ms = round((time.monotonic() - began) * 1000)
        await toolbox.aclose()
    secrets = list(_secrets(component))
    if error is not None:
        kind = type(error)
        error = kind(_scrubbed(error.message, secrets), type=error.type)
    tokens = (notes.input_tokens or 0) + (notes.output_tokens or 0)
    return Probe(took_ms, _scrubbed(answer, secrets)[:MOST_TOLD], notes.model or "", tokens or None, error)


async def _no_database(function: Any, /, *args: Any) -> Any:
    raise PermanentError("A test looks nothing up.", type="permanent_error")


def _secrets(component: Component[Any]) -> Iterator[str]:
    """Yield what must not be shown, even where the other side sends it back."""
    config: ComponentConfig = component.config
    values = config.model_dump(mode="json")
    for name in secret_fields(type(config)):
        yield from _texts(values.get(name))
    yield settings.OPENAI_API_KEY


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        yield value.rpartition(" ")[2]  # a key behind "Bearer"
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)


def _scrubbed(text: str, secrets: list[str]) -> str:
    shown = text if isinstance(text, str) else json.dumps(text, default=str)
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            for form in (secret, json.dumps(secret)[1:-1]):
                shown = shown.replace(form, HIDDEN)
    return shown
