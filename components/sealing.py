"""Keeps the secrets of component settings: encrypted in the database and in Redis, open only where a step runs.

Which settings are secret their schema says, see `components.schema.secret_fields`. A stored secret is a text that
begins with `SEALED`; what was stored before there were any, or by a script, is plain: `settings_reencrypt` seals it.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from base import clock
from base.encryption import Unreadable, decrypt, encrypt, is_current
from components.contract import ComponentConfig
from components.models import Component
from components.registry import component_types
from components.schema import secret_fields

SEALED = "sealed:"

logger = logging.getLogger(__name__)


def sealed(config: type[ComponentConfig], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as they are stored; what is sealed already stays to the letter."""
    return _with_secrets(config, settings, lambda text: text if _is_sealed(text) else f"{SEALED}{encrypt(text)}")


def opened(config: type[ComponentConfig], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as a component gets them.

    Raises:
        Unreadable: a secret was sealed with a SECRET_KEY that is gone.
    """
    return _with_secrets(config, settings, _opened)


def _opened(text: str) -> str:
    return decrypt(text.removeprefix(SEALED)) if _is_sealed(text) else text


def settings_reencrypt() -> int:
    """Seal what is plain, and anew what still needs a former SECRET_KEY. Return how many rows changed.

    Conditional on the row as it was read: whoever saves it in the same moment wins, and the next turn looks again.
    """
    types = {name: cls.Config for name, cls in component_types().items() if secret_fields(cls.Config)}
    changed = 0
    for row in Component.objects.filter(type__in=sorted(types)):
        try:
            config = _with_secrets(types[row.type], row.config, _renewed)
        except Unreadable:  # its steps say so too; the others must not wait for it
            logger.warning("component_secret_unreadable component=%s", row.pk)
            continue
        if config != row.config:
            as_read = Component.objects.filter(pk=row.pk, updated_at=row.updated_at)
            changed += as_read.update(config=config, updated_at=clock.now())
    return changed


def _renewed(text: str) -> str:
    if not _is_sealed(text):
        return f"{SEALED}{encrypt(text)}"
    token = text.removeprefix(SEALED)
    return text if is_current(token) else f"{SEALED}{encrypt(decrypt(token))}"


def _is_sealed(text: str) -> bool:
    return text.startswith(SEALED)


def _with_secrets(
    config: type[ComponentConfig], settings: Mapping[str, Any], change: Callable[[str], str]
) -> dict[str, Any]:
    secret = secret_fields(config)
    return {name: _changed(value, change) if name in secret else value for name, value in settings.items()}


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value) if value else value
    if isinstance(value, Mapping):
        return {name: _changed(inner, change) for name, inner in value.items()}
    return [_changed(inner, change) for inner in value] if isinstance(value, list) else value
