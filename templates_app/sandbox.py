"""The small language of instructions: Jinja2's sandbox, cut down to what a prompt needs.

Jinja's own sandbox keeps a template away from Python's insides. It does not keep it from eating the machine:
``{{ 'a' * 10**9 }}``, ``center(10**9)``, nested loops, texts that double. So here everything is refused that is
not listed, every intermediate value is measured, and a rendering has a budget of CPU time.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from types import BuiltinMethodType
from typing import Any, cast

from jinja2 import StrictUndefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from jinja2.visitor import NodeTransformer

MAX_LENGTH = 2_000_000  # characters of any one value: data holds 1 MiB at most
MAX_INTEGER = 2**63
MAX_RANGE = 1000
CPU_SECONDS = 1.0

# fmt: off
ALLOWED_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items", "join", "last",
    "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "select",
    "selectattr", "sort", "string", "title", "tojson", "trim", "truncate", "unique", "upper", "wordcount",
)
# fmt: on
HIDDEN_TESTS = frozenset(["callable", "filter", "test", "escaped"])
ALLOWED_METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset(["lower", "upper", "title", "capitalize", "strip", "split", "splitlines", "startswith", "endswith"]),
    dict: frozenset(["items", "keys", "values", "get"]),
}
ALLOWED_NODES: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.For,
    nodes.Assign,
    nodes.Name,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.CondExpr,
    nodes.Filter,
    nodes.Test,
    nodes.Call,
    nodes.Keyword,
    nodes.Getitem,
    nodes.Getattr,
    nodes.Slice,
    nodes.Concat,
    nodes.Compare,
    nodes.Operand,
    nodes.BinExpr,
    nodes.UnaryExpr,
)
MAX_DECIMALS = 10
_TICK, _JOINED, _MEASURED = "_tick", "_joined", "_measured"


class _Budget:
    """What a rendering may cost: half by the wall's clock, then as much of this thread's CPU time.

    So a busy machine refuses nothing, and the CPU's clock, on virtual machines a slow call of the system, is not looked
    at by what renders in a moment: it would be a tenth of a worker's time.
    """

    def __init__(self) -> None:
        self._free_until = time.monotonic() + CPU_SECONDS / 2
        self._cpu_until: float | None = None

    def is_spent(self) -> bool:
        if time.monotonic() <= self._free_until:
            return False
        used = time.thread_time()
        if self._cpu_until is None:
            self._cpu_until = used + CPU_SECONDS / 2
        return used > self._cpu_until


_budget: ContextVar[_Budget | None] = ContextVar("prompt_budget", default=None)


@contextmanager
def cpu_budget() -> Iterator[None]:
    """Bound what a rendering inside may cost to `CPU_SECONDS`."""
    token = _budget.set(_Budget())
    try:
        yield
    finally:
        _budget.reset(token)


def _check_budget() -> None:
    budget = _budget.get()
    if budget is not None and budget.is_spent():
        raise SecurityError(f"it takes more than {CPU_SECONDS:g} s; use fewer or smaller loops")


def measured(value: Any) -> Any:
    """Return ``value`` if it is small enough.

    Raises:
        SecurityError: it, with all that it holds, is longer than `MAX_LENGTH`.
    """
    _check_budget()
    size, rest = 0, [value]
    while rest:
        item = rest.pop()
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, Mapping):
            size += len(item)
            rest.extend(part for pair in item.items() for part in pair)
        elif isinstance(item, list | tuple):
            size += len(item)
            rest.extend(item)
        elif isinstance(item, int) and abs(item) > MAX_INTEGER:
            raise SecurityError("a number grows beyond 64 bits")
        if size > MAX_LENGTH:
            raise SecurityError(f"a value grows longer than {MAX_LENGTH} characters")
    return value


def _printed(value: Any) -> Any:
    """Return what stands in the text for a value: nothing for null, which is how a client says "none"."""
    return "" if value is None else measured(value)


def _tick(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        _check_budget()
        yield value


def _joined(parts: list[Any]) -> str:
    measured(parts)
    return "".join("" if part is None else str(part) for part in parts)


def _bounded_range(*args: int) -> range:
    numbers = range(*args)
    if len(numbers) > MAX_RANGE:
        raise SecurityError(f"range() counts at most {MAX_RANGE} numbers")
    return numbers


def _bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    own = 1 if hasattr(function, "jinja_pass_arg") else 0  # Jinja passes its context or environment first

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        measured([*args[own:], kwargs])
        result = function(*args, **kwargs)
        return measured(list(_tick(result)) if isinstance(result, Iterator) else result)

    return call


def _replace(value: Any, old: str, new: str) -> str:
    text = str(value)
    if len(text) + text.count(old) * len(new) > MAX_LENGTH:
        raise SecurityError(f"replace() makes more than {MAX_LENGTH} characters")
    return text.replace(old, new)


def _join(values: Iterable[Any], separator: str = "", attribute: str | None = None) -> str:
    items = [_attribute(value, attribute) if attribute else value for value in values]
    if len(items) * len(separator) > MAX_LENGTH:
        raise SecurityError(f"join() makes more than {MAX_LENGTH} characters")
    measured(items)
    return separator.join(str(item) for item in items)


def _attribute(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping) or name not in value:
        raise SecurityError(f"join() finds no {name!r} in {type(value).__name__}")
    return value[name]


def _round(value: float, precision: int = 0) -> float:
    if abs(precision) > MAX_DECIMALS:
        raise SecurityError(f"round() keeps at most {MAX_DECIMALS} decimals")
    return round(value, precision)


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)  # Jinja's own escapes it for HTML


class _Guard(NodeTransformer):
    """Puts a clock into every loop, a measure on every ``~`` and comparison: the sandbox cannot intercept them."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.iter = _filter(node.iter, _TICK)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:
        self.generic_visit(node)
        return _filter(nodes.List(node.nodes, lineno=node.lineno), _JOINED)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:
        self.generic_visit(node)
        node.expr = _filter(node.expr, _MEASURED)
        for operand in node.ops:
            operand.expr = _filter(operand.expr, _MEASURED)
        return node


def _filter(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(cast(nodes.Expr, node), name, [], [], None, None, lineno=node.lineno)


class Missing(StrictUndefined):
    """What was looked up in vain, told in the words of those who write instructions and not in Python's."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint or self._undefined_obj is missing:
            return super()._undefined_message
        name: str | int | None = self._undefined_name  # Jinja says it is a text; of a list it is a number
        if isinstance(name, int):
            return f"the list has no entry {name} (the first is 0)"
        if isinstance(self._undefined_obj, Mapping):
            return f"this context brings no {name!r}"
        return f"{_kind(self._undefined_obj)} has no {name!r}"


def _kind(value: Any) -> str:
    return "a text" if isinstance(value, str) else "a list" if isinstance(value, list) else "this value"


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """Compiles instructions; one for the whole process, it keeps nothing of a rendering."""

    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%", "**"])

    def __init__(self) -> None:
        super().__init__(undefined=Missing, finalize=_printed, autoescape=False, cache_size=0)
        self.globals.clear()
        self.globals["range"] = _bounded_range
        own: dict[str, Callable[..., Any]] = {"replace": _replace, "join": _join, "round": _round, "tojson": _to_json}
        self.filters = {name: _bounded(own.get(name, self.filters[name])) for name in ALLOWED_FILTERS}
        self.filters |= {_TICK: _tick, _JOINED: _joined, _MEASURED: measured}
        tests: dict[str, Any] = dict(self.tests)
        self.tests = {name: _bounded(test) for name, test in tests.items() if name not in HIDDEN_TESTS}

    def guarded(self, tree: nodes.Template) -> nodes.Template:
        """Return a tree that holds `ALLOWED_NODES` only, made safe to run."""
        guarded: nodes.Template = _Guard().visit(tree)
        return guarded

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            raise SecurityError("the operator ** is not available")
        if operator in "*%" and not (_is_number(left) and _is_number(right)):
            raise SecurityError(f"the operator {operator} works on numbers only")
        measured([left, right])
        return measured(super().call_binop(context, operator, left, right))

    def getattr(self, obj: Any, attribute: str) -> Any:
        # data.items is what the client sent as "items", where it sent that
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def wrap_str_format(self, value: Any) -> None:
        """Leave str.format to `is_safe_attribute`, which refuses it: its padding has no bound."""
        return

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str | dict) or isinstance(value, BuiltinMethodType):
            kind = str if isinstance(obj, str) else type(obj)
            return attr in ALLOWED_METHODS.get(kind, frozenset())
        return super().is_safe_attribute(obj, attr, value)

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        measured(args)
        return measured(super().call(context, function, *args, **kwargs))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)
