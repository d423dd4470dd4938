"""Instructions of a template: checked before they are published, rendered with a context's data.

What a client sends is inserted as it is and never read as a template.
"""

import traceback
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Template, nodes
from jinja2.exceptions import TemplateSyntaxError, UndefinedError
from jinja2.meta import find_undeclared_variables

from base.problems import Fault, pointer
from base.strict_json import is_storable
from templates_app.sandbox import ALLOWED_FILTERS, ALLOWED_NODES, PromptEnvironment, cpu_budget
from templates_app.structure import Structure

MAX_RENDERED_LENGTH = 200_000
VARIABLES: Mapping[str, str] = {
    "title": "The title; empty if the client sent none.",
    "keywords": "A list; use {{ keywords | join(', ') }}.",
    "tone": "Such as technical; empty if not sent.",
    "target_audience": "Such as developers; empty if not sent.",
    "type": "The type of the context, such as article.",
    "metadata": "The client's own notes, such as metadata.campaign.",
    "data": "Everything that the client sent and that earlier steps added, such as data.summary.",
}

_environment = PromptEnvironment()
KNOWN_NAMES: tuple[str, ...] = (*VARIABLES, *sorted(_environment.globals))


class PromptError(Exception):
    """Instructions cannot be read or rendered; ``line`` counts from 1, None where it is not known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.message = message
        self.line = line


def render(text: str, variables: Mapping[str, Any]) -> str:
    """Return instructions with the variables put in.

    Raises:
        PromptError: the text is no valid template, a variable is missing, or rendering costs too much.
    """
    template = _compiled(text)
    try:
        with cpu_budget():
            return _bounded_text(template, variables)
    except PromptError:
        raise
    except Exception as exc:  # a template can raise whatever Python's operators raise
        raise PromptError(_reason(exc), _line_of(exc)) from exc


def _bounded_text(template: Template, variables: Mapping[str, Any]) -> str:
    pieces: list[str] = []
    length = 0
    for piece in template.generate(variables):
        length += len(piece)
        if length > MAX_RENDERED_LENGTH:
            raise PromptError(f"the rendered text is longer than {MAX_RENDERED_LENGTH} characters")
        pieces.append(piece)
    rendered = "".join(pieces)
    if not is_storable(rendered):  # an escape in a text, such as {{ "\ud800" }}; what clients send was checked
        raise PromptError("the rendered text holds a NUL or half of a surrogate pair, which no model can read")
    return rendered


@lru_cache(maxsize=512)
def _compiled(text: str) -> Template:
    tree = _parsed(text)
    for fault in _language_faults(tree):
        raise fault
    try:
        code = _environment.compile(_environment.guarded(tree))
        return Template.from_code(_environment, code, dict(_environment.globals), None)
    except Exception as exc:  # Python's compiler has limits of its own
        raise PromptError(_reason(exc)) from exc


def _parsed(text: str) -> nodes.Template:
    try:
        return _environment.parse(text)
    except TemplateSyntaxError as exc:
        raise PromptError(exc.message or "this is not valid Jinja", exc.lineno) from exc
    except Exception as exc:  # nested too deeply
        raise PromptError(_reason(exc)) from exc


def _language_faults(tree: nodes.Template) -> Iterator[PromptError]:
    for node in _walk(tree):
        if not isinstance(node, ALLOWED_NODES) or (isinstance(node, nodes.For) and node.recursive):
            yield PromptError(f"{type(node).__name__.lower()} is not available in instructions", node.lineno)
        elif isinstance(node, nodes.Filter) and node.name not in ALLOWED_FILTERS:
            listed = ", ".join(ALLOWED_FILTERS)
            yield PromptError(f"there is no filter {node.name!r}; there are: {listed}", node.lineno)
        elif isinstance(node, nodes.Test) and node.name not in _environment.tests:
            yield PromptError(f"there is no test {node.name!r}", node.lineno)
        elif isinstance(node, nodes.Name) and node.name == "self":
            yield PromptError("there is no variable 'self'", node.lineno)


def _walk(tree: nodes.Node) -> Iterator[nodes.Node]:
    rest: list[nodes.Node] = [tree]
    while rest:
        node = rest.pop()
        yield node
        rest.extend(reversed(list(node.iter_child_nodes())))


def _reason(exc: Exception) -> str:
    if isinstance(exc, RecursionError):
        return "it is nested too deeply"
    if isinstance(exc, UndefinedError):
        return f"{exc.message}; write | default('') behind it if it may be missing"
    return str(exc) or type(exc).__name__


def _line_of(exc: Exception) -> int | None:
    lines = [line for frame, line in traceback.walk_tb(exc.__traceback__) if frame.f_code.co_filename == "<template>"]
    return lines[-1] if lines else None


def variables_for(*, type: str, data: Mapping[str, Any], metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what instructions may name: every variable of `VARIABLES`, empty if it was not sent."""
    return {
        "title": _or_empty(data.get("title")),
        "keywords": _keywords(data.get("keywords")),
        "tone": _or_empty(data.get("tone")),
        "target_audience": _or_empty(data.get("target_audience")),
        "type": type,
        "metadata": dict(metadata or {}),
        "data": dict(data),
    }


def _or_empty(value: Any) -> Any:
    return "" if value is None else value


def _keywords(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return list(value) if isinstance(value, list | tuple) else []


def prompt_faults(structure: Structure) -> list[Fault]:
    """Return what keeps a structure from being published, at ``/sections/{index}/instructions``.

    That is Jinja that does not parse, and names that no context will define.
    """
    return [
        Fault(pointer("sections", index, "instructions"), _told(index, section.type, error))
        for index, section in enumerate(structure.sections)
        for error in text_errors(section.instructions)
    ]


def _told(index: int, type: str, error: PromptError) -> str:
    line = f", line {error.line}" if error.line else ""
    return f"Section {index + 1} ({type}){line}: {error.message}."


def text_errors(text: str) -> list[PromptError]:
    """Return what is wrong with one section's instructions, in the order of its lines."""
    try:
        tree = _parsed(text)
        # Jinja's look-up of names chokes on what is not part of the language
        errors = list(_language_faults(tree)) or list(_unknown_names(tree))
        if not errors:
            _compiled(text)
    except PromptError as exc:
        return [exc]
    except RecursionError as exc:
        return [PromptError(_reason(exc))]
    return sorted(errors, key=lambda error: error.line or 0)


def _unknown_names(tree: nodes.Template) -> Iterator[PromptError]:
    unknown = find_undeclared_variables(tree) - set(KNOWN_NAMES)
    listed = ", ".join(VARIABLES)
    for name in sorted(unknown):
        line = next(node.lineno for node in _walk(tree) if isinstance(node, nodes.Name) and node.name == name)
        yield PromptError(f"there is no variable {name!r}; there are: {listed}", line)
