"""The ``when`` of a step: JMESPath within bounds. Pure.

Whoever submits a context writes it, and it runs on the event loop beside hundreds of other contexts. JMESPath has no
loops, yet ``[@,@]|[@,@]|...|to_string(@)`` doubles with every link: thirty of them take the machine's memory in one
call of C code, which lets not even the heartbeat run. So every step of an evaluation is counted, and what a call could
make of its arguments is measured before it is made.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature
from jmespath.visitor import Options, TreeInterpreter, _Expression

MAX_LENGTH = 1000
MAX_COST = 2_000_000  # about half a second; a mebibyte of data can be looked through once or twice
VISIT_COST = 5  # the interpreter's own work for one node, against looking at one value
CHARACTERS_PER_COST = 8

Node = Any  # jmespath calls its own a TypedDict, and takes any mapping


class ConditionError(Exception):
    """The condition cannot be decided for this data; the message says why."""


def condition_problem(when: str) -> str | None:
    """Return what keeps an expression from being used, None for a good one."""
    if len(when) > MAX_LENGTH:
        return f"it has {len(when)} characters; at most {MAX_LENGTH}"
    try:
        return next(_call_problems(jmespath.compile(when).parsed), None)
    except (ValueError, RecursionError) as exc:
        return (str(exc).splitlines() or ["it cannot be read"])[0]


def _call_problems(tree: Node) -> Iterator[str]:
    """Yield what is wrong with the function calls of an expression: JMESPath itself looks at them only when run."""
    rest: list[Node] = [tree]
    while rest:
        node = rest.pop()
        rest.extend(child for child in node["children"] if isinstance(child, dict))
        if node["type"] != "function_expression":
            continue
        known = Functions.FUNCTION_TABLE.get(node["value"])
        if known is None:
            yield f"there is no function {node['value']!r}; there are {', '.join(sorted(Functions.FUNCTION_TABLE))}"
        elif not _takes(known["signature"], len(node["children"])):
            yield f"the function {node['value']!r} takes {len(known['signature'])} arguments"


def _takes(expected: tuple[dict[str, Any], ...], count: int) -> bool:
    is_open = bool(expected) and expected[-1].get("variadic", False)
    return count >= len(expected) if is_open else count == len(expected)


def condition_holds(when: str, view: Mapping[str, Any]) -> bool:
    """Tell whether an expression is true of ``view``, in JMESPath's own notion of true.

    Raises:
        ConditionError: it does not fit the data, or costs too much.
    """
    try:
        found = _Bounded().visit(jmespath.compile(when).parsed, view)
    except JMESPathError as exc:
        raise ConditionError(_reason(exc)) from exc
    except (RecursionError, ArithmeticError, TypeError, ValueError) as exc:  # JMESPath lets Python's own through
        raise ConditionError("it does not fit this data") from exc
    return not (found is None or found is False or found in ("", [], {}))


def _reason(exc: JMESPathError) -> str:
    function, actual = getattr(exc, "function_name", None), getattr(exc, "actual_type", None)
    # its own message repeats the value, which may be a mebibyte
    return f"{function}() cannot take a value of type {actual}" if function and actual else "it does not fit this data"


class _Budget:
    """What an evaluation may still cost."""

    def __init__(self) -> None:
        self._left = MAX_COST

    def spend(self, cost: int) -> None:
        self._left -= cost
        if self._left < 0:
            raise ConditionError("it takes too long for this data; write a simpler one")

    def measure(self, values: Iterable[Any]) -> None:
        """Spend for all that the values hold: what stands in two places counts twice, as it would be written."""
        rest = [iter(values)]
        while rest:
            for value in rest[-1]:
                self.spend(1 + len(value) // CHARACTERS_PER_COST if isinstance(value, str) else 1)
                if isinstance(value, Mapping):
                    rest += [iter(value), iter(value.values())]
                    break
                if isinstance(value, list):
                    rest.append(iter(value))
                    break
            else:
                rest.pop()


class _Bounded(TreeInterpreter):
    """JMESPath's own interpreter with a budget. Only what copies or compares whole values needs measuring."""

    def __init__(self) -> None:
        self._budget = _Budget()
        super().__init__(Options(custom_functions=_BoundedFunctions(self._budget)))

    def visit(self, node: Node, *args: Any, **kwargs: Any) -> Any:
        self._budget.spend(VISIT_COST)
        return super().visit(node, *args, **kwargs)

    def visit_flatten(self, node: Node, value: Any) -> Any:
        base = self.visit(node["children"][0], value)
        if isinstance(base, list):
            self._budget.spend(sum(len(item) for item in base if isinstance(item, list)))
        return super().visit_flatten(_with_children(node, [base]), value)

    def visit_slice(self, node: Node, value: Any) -> Any:
        if isinstance(value, list):
            self._budget.spend(len(value))
        return super().visit_slice(node, value)

    def visit_comparator(self, node: Node, value: Any) -> Any:
        sides = [self.visit(child, value) for child in node["children"]]
        self._budget.measure(sides)
        return super().visit_comparator(_with_children(node, sides), value)


def _with_children(node: Node, values: list[Any]) -> Node:
    """Return a node whose children are known already."""
    known = [{"type": "literal", "value": value, "children": []} for value in values]
    return {"type": node["type"], "value": node.get("value"), "children": known}


class _BoundedFunctions(Functions):
    """JMESPath's own functions; each pays for its arguments."""

    def __init__(self, budget: _Budget) -> None:
        self._budget = budget

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:
        arguments = list(resolved_args)
        self._budget.measure(value for value in arguments if not isinstance(value, _Expression))
        return super().call_function(function_name, arguments)

    @signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, separator: str, array: list[str]) -> str:
        self._budget.spend(len(separator) * len(array) // CHARACTERS_PER_COST)
        return separator.join(array)
