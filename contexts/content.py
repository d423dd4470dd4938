"""Where a context's finished text is, and whether there is one. Pure but for the row that it reads."""

from dataclasses import dataclass

from base.problems import Conflict
from components.builtin.transformer import Format
from contexts.models import Context
from contexts.rewind import keys_written_by
from contexts.states import OPEN

CONTENT_KEY = "formatted_content"


@dataclass(frozen=True)
class FinishedContent:
    """What the transformer wrote."""

    format: Format
    text: str


def finished_content(context: Context) -> FinishedContent:
    """Return the finished text; a ``formatted_content`` that the client sent along is none.

    Raises:
        Conflict: there is none, or not yet.
    """
    done = set(context.processing.get("completed_components", []))
    if CONTENT_KEY not in keys_written_by(context.step_runs, done):
        raise Conflict(_why_not(context))
    written = context.data.get(CONTENT_KEY)
    text = written.get("content") if isinstance(written, dict) else None
    if not isinstance(written, dict) or not isinstance(text, str) or written.get("format") not in list(Format):
        raise Conflict(f"A component of {context.pk} wrote a {CONTENT_KEY} of another shape; read it in data.")
    return FinishedContent(Format(written["format"]), text)


def _why_not(context: Context) -> str:
    if context.status in OPEN:
        return f"{context.pk} is {context.status}: its content is not written yet. Ask again when it is completed."
    return f"{context.pk} is {context.status} and no step wrote {CONTENT_KEY}; the transformer does."
