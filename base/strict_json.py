"""JSON that both databases can hold: no NaN, no NUL, no lone surrogate, bounded depth, numbers and size."""

import json
from collections.abc import Iterator
from math import isfinite
from typing import Any

import orjson

from base.problems import Fault, InvalidInput, pointer

MAX_NESTING = 64
MAX_FAULTS = 20
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
MAX_INT_CHARACTERS = 20
TOO_LARGE_INT = 2**64

JsonValue = Any


def parse_json(body: bytes) -> JsonValue:
    """Read a request's body.

    Raises:
        InvalidInput: it is not UTF-8 JSON, or holds something that could not be stored.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant, parse_int=_read_int)
    except UnicodeDecodeError as exc:
        raise InvalidInput([Fault("", f"The body is not UTF-8 (byte {exc.start}).")]) from exc
    except RecursionError as exc:
        raise InvalidInput([Fault("", f"The JSON is nested deeper than {MAX_NESTING} levels.")]) from exc
    except json.JSONDecodeError as exc:
        where = f"line {exc.lineno}, column {exc.colno}"
        raise InvalidInput([Fault("", f"The body is not valid JSON: {exc.msg} ({where}).")]) from exc
    except ValueError as exc:
        raise InvalidInput([Fault("", f"The body is not valid JSON: {exc}.")]) from exc
    faults = faults_in(value)
    if faults:
        raise InvalidInput(faults)
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _read_int(text: str) -> int:
    # int() refuses thousands of digits and could not say where they stand; the walk does
    return int(text) if len(text) <= MAX_INT_CHARACTERS else TOO_LARGE_INT


def faults_in(value: JsonValue, path: str = "") -> list[Fault]:
    """Return what could not be stored in ``value``; at most `MAX_FAULTS`."""
    if is_storable(value):
        return []
    faults: list[Fault] = []
    for fault in _walk(value, path, 0):
        faults.append(fault)
        if len(faults) == MAX_FAULTS:
            break
    return faults


def is_storable(value: JsonValue, depth: int = 0) -> bool:
    """Tell whether a walk would find nothing; several times faster, for it builds no paths."""
    if depth > MAX_NESTING:
        return False
    if isinstance(value, str):
        return "\x00" not in value and (value.isascii() or _is_encodable(value))
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, int):
        return INT64_MIN <= value <= INT64_MAX
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, dict):
        return all(
            isinstance(key, str) and is_storable(key, depth) and is_storable(item, depth + 1)
            for key, item in value.items()
        )
    return isinstance(value, list) and all(is_storable(item, depth + 1) for item in value)


def _walk(value: JsonValue, path: str, depth: int) -> Iterator[Fault]:
    if depth > MAX_NESTING:
        yield Fault(path, f"Nested deeper than {MAX_NESTING} levels.")
    elif isinstance(value, str):
        yield from _text_faults(value, path)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if not INT64_MIN <= value <= INT64_MAX:
            yield Fault(path, "This whole number does not fit in 64 bits; send it as a string.")
    elif isinstance(value, float):
        if not isfinite(value):
            yield Fault(path, "This number is too large, or none: NaN and Infinity are not JSON.")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _key_faults(key, path)
            yield from _walk(item, path + pointer(_printable(str(key))), depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}/{index}", depth + 1)
    else:
        yield Fault(path, f"A {type(value).__name__} is not a JSON value.")


def _text_faults(text: str, path: str) -> Iterator[Fault]:
    if "\x00" in text:
        yield Fault(path, "The text holds a NUL character.")
    if not _is_encodable(text):
        yield Fault(path, "The text holds half of a surrogate pair, which is no character.")


def _key_faults(key: object, path: str) -> Iterator[Fault]:
    if not isinstance(key, str):
        yield Fault(path, f"The key {key!r} is not a string.")
    elif "\x00" in key or not _is_encodable(key):
        yield Fault(path, f"The key {_printable(key)!r} holds a NUL or half of a surrogate pair.")


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def size_in_bytes(value: JsonValue) -> int:
    """Return how large ``value`` is as compact UTF-8 JSON.

    Raises:
        TypeError, ValueError, RecursionError: it is no JSON.
    """
    try:
        return len(orjson.dumps(value))
    except orjson.JSONEncodeError:  # what could not be stored has a size all the same
        return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
