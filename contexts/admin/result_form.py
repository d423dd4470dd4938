"""A form for the result of a step, whatever its shape: fields for texts and numbers, rows for lists, no JSON.

The result itself says which fields there are. What is posted is read along the same shape, so nobody can add keys or
put a list where a text belongs. A row has a token: the place of the row in the result that it looks like, and for one
that was added a number of its own: ``2``, ``2-1``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from base.problems import pointer

MAX_FIELDS = 900  # Django reads a thousand of a form
SHORT_TEXT = 90
NEW = "new"
TOKEN = re.compile(r"(\d{1,4})(?:-\d{1,6})?")
_WORDS = {"true": True, "false": False}


@dataclass
class Node:
    """One part of the form.

    Args:
        kind: ``line``, ``area``, ``number``, ``yesno``, ``group`` or ``rows``.
        name: the field's name: the pointer to its place in the result.
        token: of a row.
        blank: what a new row looks like.
    """

    kind: str
    name: str
    label: str
    text: str = ""
    error: str = ""
    token: str = ""
    children: list["Node"] = field(default_factory=list)
    blank: "Node | None" = None

    @property
    def tall(self) -> int:
        """Return how many lines a text area has at first."""
        return min(24, max(3, self.text.count("\n") + 1 + len(self.text) // 100))

    def count(self) -> int:
        """Return how many fields a browser sends of this."""
        own = 0 if self.kind in ("group", "rows") else 1
        marks = len(self.children) if self.kind == "rows" else 0
        return own + marks + sum(child.count() for child in self.children)


class ResultForm:
    """The form, and what was typed into it.

    Args:
        shape: the result as it was when the person began.
        posted: what came back; None shows the result.
    """

    def __init__(self, shape: dict[str, Any], posted: QueryDict | None = None) -> None:
        self._posted = posted
        self.errors: list[str] = []
        self.result: dict[str, Any] = {}
        self.nodes: list[Node] = []
        for key, value in shape.items():
            node, self.result[key] = self._walk(value, pointer(key), _label(key))
            self.nodes.append(node)

    @property
    def is_too_large(self) -> bool:
        return sum(node.count() for node in self.nodes) > MAX_FIELDS

    def _walk(self, shape: Any, name: str, label: str) -> tuple[Node, Any]:
        if isinstance(shape, dict):
            return self._group(shape, name, label)
        if isinstance(shape, list):
            return self._rows(shape, name, label)
        return self._leaf(shape, name, label)

    def _group(self, shape: dict[str, Any], name: str, label: str) -> tuple[Node, Any]:
        node, found = Node("group", name, label), {}
        for key, value in shape.items():
            child, found[key] = self._walk(value, name + pointer(key), _label(key))
            node.children.append(child)
        return node, found

    def _rows(self, shape: list[Any], name: str, label: str) -> tuple[Node, Any]:
        node, found = Node("rows", name, label), []
        for place, token in enumerate(self._tokens(name, len(shape)), start=1):
            child, value = self._walk(shape[int(token.partition("-")[0])], f"{name}/{token}", str(place))
            child.token = token
            node.children.append(child)
            found.append(value)
        if shape:
            token = f"0-{NEW}"
            node.blank = _blank(shape[0], f"{name}/{token}", NEW)
            node.blank.token = token
        return node, found

    def _tokens(self, name: str, number: int) -> list[str]:
        """Return the rows in the order in which they stand on the page."""
        if self._posted is None:
            return [str(place) for place in range(number)]
        sent = dict.fromkeys(self._posted.getlist(f"{name}/#"))
        return [token for token in sent if (found := TOKEN.fullmatch(token)) and int(found[1]) < number]

    def _leaf(self, shape: Any, name: str, label: str) -> tuple[Node, Any]:
        node = Node(_kind(shape), name, label, _text(shape))
        if self._posted is None:
            return node, shape
        node.text = self._posted.get(name, node.text).replace("\r\n", "\n")
        try:
            return node, _value(shape, node.text)
        except ValueError:
            node.error = "Write a number here." if isinstance(shape, float) else "Write a whole number here."
            self.errors.append(f"{place_text(name)}: {node.error}")
            return node, shape


def _kind(shape: Any) -> str:
    if isinstance(shape, bool):
        return "yesno"
    if isinstance(shape, int | float):
        return "number"
    return "area" if isinstance(shape, str) and (len(shape) > SHORT_TEXT or "\n" in shape) else "line"


def _text(shape: Any) -> str:
    if shape is None:
        return ""
    return str(shape).lower() if isinstance(shape, bool) else str(shape)


def _value(shape: Any, text: str) -> Any:
    if isinstance(shape, bool):
        return _WORDS.get(text, shape)
    if isinstance(shape, int):
        return int(text.strip())
    if isinstance(shape, float):
        return float(text.strip())
    return None if shape is None and not text else text


def _blank(shape: Any, name: str, label: str) -> Node:
    """Return a row of the same fields with nothing in them."""
    if isinstance(shape, dict):
        return Node("group", name, label, children=[_blank(v, name + pointer(k), _label(k)) for k, v in shape.items()])
    if isinstance(shape, list):
        return Node("rows", name, label, children=[_blank_row(item, name, at) for at, item in enumerate(shape)])
    return Node(_kind(shape), name, label, "" if isinstance(shape, str) else _text(shape))


def _blank_row(shape: Any, name: str, at: int) -> Node:
    row = _blank(shape, f"{name}/{at}", str(at + 1))
    row.token = str(at)
    return row


def _label(key: str) -> str:
    return key.replace("_", " ").capitalize()


def place_text(name: str) -> str:
    """Write a place for people: ``Generated content, body, 2, heading``."""
    parts = [part.replace("~1", "/").replace("~0", "~").replace("_", " ") for part in name.split("/")[1:]]
    return ", ".join(_place_part(part, at) for at, part in enumerate(parts))


def _place_part(part: str, at: int) -> str:
    if TOKEN.fullmatch(part):
        return str(int(part.partition("-")[0]) + 1)
    return part.capitalize() if at == 0 else part


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the place and the text of everything that a person could have changed."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, name + pointer(key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from leaves(item, f"{name}/{place}")
    else:
        yield name, _text(value)
