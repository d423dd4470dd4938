"""YAML that people write by hand, read so that nothing in it can surprise: no aliases, no tags, no key twice.

Texts stay texts: of YAML's many words for other things only ``true``, ``false``, ``null`` and whole numbers count, so
that ``no``, ``12:30`` and ``2024-05-01`` are what they look like. What `dump_yaml` writes is read back as it was.
"""

import re
from typing import Any

import yaml
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, DocumentStartEvent, NodeEvent

from base.problems import Fault, InvalidInput

MAX_NESTING = 20
MAX_EVENTS = 100_000
LINE_WIDTH = 110
OTHER_LINE_ENDS = "\r\x85\u2028\u2029"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times faster


class _Strict(_Loader):
    yaml_implicit_resolvers: dict[str, Any] = {}

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a plain text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands there twice", key.start_mark)
            seen.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


_Strict.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Strict.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:null|~|)$"), ["n", "~", ""])
_Strict.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]{0,17})$"), list("-0123456789"))


def parse_yaml(body: bytes) -> Any:
    """Return the one document of a file.

    Raises:
        InvalidInput: it is no such YAML; the message says where.
    """
    try:
        text = body.decode("utf-8-sig")
        _check(text)
        return yaml.load(text, Loader=_Strict)  # noqa: S506 - a subclass of the safe loader
    except UnicodeDecodeError as exc:
        raise InvalidInput([Fault("", f"The file is not UTF-8 (byte {exc.start}).")]) from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        where = f"Line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise InvalidInput([Fault("", f"{where}{exc.problem or 'this is not valid YAML'}.")]) from exc
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        raise InvalidInput([Fault("", "The file is not valid YAML.")]) from exc


def _check(text: str) -> None:
    """Refuse what grows when it is read, before it is read."""
    depth = documents = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        documents += isinstance(event, DocumentStartEvent)
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise _refused("anchors and aliases (& and *) are not taken: write it out; quote a text with them", event)
        if getattr(event, "tag", None) is not None:
            raise _refused("tags (!) are not taken: quote a text that begins with one", event)
        if depth > MAX_NESTING:
            raise _refused(f"this is nested deeper than {MAX_NESTING} levels", event)
        if number > MAX_EVENTS or documents > 1:
            raise _refused("there are more documents or values than one file may hold", event)


def _refused(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


class _Readable(yaml.SafeDumper):
    """Writes texts of several lines as such, lists below their key, and what stands twice twice."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if any(line_end in text for line_end in OTHER_LINE_ENDS):
        style = '"'  # as escapes: anywhere else YAML reads them as line ends
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _text)


def dump_yaml(value: Any) -> str:
    """Return JSON values as YAML that people can read and compare; the same value is always the same text."""
    text: str = yaml.dump(value, Dumper=_Readable, allow_unicode=True, sort_keys=False, width=LINE_WIDTH)
    return text
