"""Mends three faults of SecantusDB 0.7.0b3 in Python, which corrupt joins. A real MongoDB needs none of this.

`$addFields` and `$project` replace a sub-document where they should merge into it, and `$type` does not know a missing
field that `$getField` looks for.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from secantus import aggregate, expressions


def install() -> None:
    """Put the mended parts in place of the faulty ones."""
    for stage in ("$project", "$addFields", "$set"):
        aggregate._STAGES[stage] = _flattening(aggregate._STAGES[stage])
    tables = [value for value in vars(expressions).values() if isinstance(value, dict)]
    for table in tables:
        if table.get("$type") is _type:
            table["$type"] = _type_or_missing


def _flatten(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Write ``{a: {b: expression}}`` as ``{"a.b": expression}``."""
    flat: dict[str, Any] = {}
    for key, value in spec.items():
        if isinstance(value, Mapping) and value and not any(str(name).startswith("$") for name in value):
            flat.update({f"{key}.{below}": expression for below, expression in _flatten(value).items()})
        else:
            flat[key] = value
    return flat


def _flattening(stage: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(getattr(stage, "func", stage))
    def flattened(spec: Any, *args: Any, **kwargs: Any) -> Any:
        return stage(_flatten(spec) if isinstance(spec, Mapping) else spec, *args, **kwargs)

    return flattened


_type = expressions._op_type


def _type_or_missing(argument: Any, context: Any) -> Any:
    is_expression = isinstance(argument, Mapping) and len(argument) == 1 and next(iter(argument)).startswith("$")
    if is_expression and expressions._eval_field_value(argument, context) is expressions.MISSING:
        return "missing"
    return _type(argument, context)
