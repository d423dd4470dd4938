"""What a new installation starts with: templates, components, pipelines, two pictures, and an example to post."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def sample(name: str) -> Any:
    """Return what ``name``.json holds."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def demo_context() -> dict[str, Any]:
    """Return the data-flow document's first context, as a client posts it."""
    context: dict[str, Any] = sample("demo-context")
    return context
