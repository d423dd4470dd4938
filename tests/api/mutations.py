"""Bad bodies without end: good documents, spoilt in a few places. The same seed, the same bodies."""

import gzip
import json
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any

DEEP: Any = json.loads("[" * 300 + "]" * 300)
ODD_VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    5.0,
    101,
    2**31,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    10**400,
    1e308,
    5e-324,
    float("nan"),
    float("inf"),
    "",
    " ",
    "x",
    "X" * 300,
    "é😀",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "\u202e",
    "\n",
    "../../etc/passwd",
    "{{ 7*7 }}",
    "{% raise %}",
    "$where",
    "' OR 1=1 --",
    "<script>",
    "2023-13-45T99:99:99Z",
    [],
    {},
    [[]],
    [None],
    [[[["template"]]]],
    ["template"] * 51,
    {"": ""},
    {"$set": {"a": 1}},
    {"a.b": 1},
    {"\x00": 1},
    {"\ud800": 1},
    {"__proto__": {}},
    {"component": "template"},
    {"component": None, "config": []},
    DEEP,
]
ODD_KEYS = ["", "$where", "a.b", "\x00", "\ud800", "__class__", "id", "status", "extra", "é", "k" * 1000, "_id"]
ODD_BYTES = [
    b"\xff\xfe",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\x00",
    b"\\u0000",
    b"\\ud800",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 500,
    b"[" * 2000,
    b'{"a":' * 2000,
    b"\xef\xbb\xbf",
    b"//",
    b"'",
    b",,",
    b"\\",
]
CONTENT_TYPES = [
    "",
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "junk/",
    "multipart/form-data; boundary=",
    "application/json; charset=utf-16",
    "application/merge-patch+json",
]
ODD_HEADERS = [
    {"Idempotency-Key": ""},
    {"Idempotency-Key": "k" * 300},
    {"Idempotency-Key": "é"},
    {"Accept": "a/b"},
    {"Content-Encoding": "gzip"},
    {"Idempotency-Key": "one and the same"},
    {"If-Match": "*"},
]
BOUNDARY = "----draftline"
FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass(frozen=True)
class Body:
    content: bytes
    content_type: str
    headers: dict[str, str]


def spoilt_json(random: Random, documents: list[Any]) -> Body:
    """One of the documents, spoilt in its structure, its bytes, its content type or its headers."""
    document = deepcopy(random.choice(documents))
    for _ in range(random.randint(0, 2)):
        document = spoilt_value(random, document)
    content = json.dumps(document).encode()
    if random.random() < 0.3:
        content = spoilt_bytes(random, content)
    return _sent(random, content, "application/json")


def spoilt_form(random: Random, fields: dict[str, bytes]) -> Body:
    """A form whose file and words are spoilt."""
    content = form(fields)
    for _ in range(random.randint(1, 3)):
        content = spoilt_bytes(random, content)
    return _sent(random, content, FORM_TYPE)


def form(fields: dict[str, bytes]) -> bytes:
    """Return a form as it is sent; what is not text is a file."""
    parts = []
    for name, value in fields.items():
        file = '; filename="x.png"' if name == "file" else ""
        parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + value)
    return b"\r\n".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def _sent(random: Random, content: bytes, content_type: str) -> Body:
    if random.random() < 0.05:
        content_type = random.choice(CONTENT_TYPES)
    return Body(content, content_type, random.choice(ODD_HEADERS) if random.random() < 0.05 else {})


def spoilt_value(random: Random, value: Any) -> Any:
    """Walk into the value at random; where the walk ends, put something odd."""
    if not isinstance(value, dict | list) or not value or random.random() < 0.15:
        return deepcopy(random.choice(ODD_VALUES))
    key = random.choice(list(value) if isinstance(value, dict) else range(len(value)))
    what = random.random()
    if what < 0.1:
        del value[key]
    elif what < 0.2 and isinstance(value, dict):
        value[random.choice(ODD_KEYS)] = deepcopy(random.choice(ODD_VALUES))
    else:
        value[key] = spoilt_value(random, value[key])
    return value


def spoilt_bytes(random: Random, content: bytes) -> bytes:
    """Cut, flip, repeat, or put in bytes that do not belong there; seldom another encoding of the whole."""
    at = random.randint(0, len(content))
    other = random.randint(0, len(content))
    return random.choice(
        [
            lambda: content[:at],
            lambda: content[at:],
            lambda: content[:at] + random.choice(ODD_BYTES) + content[at:],
            lambda: content[:at] + bytes([random.randrange(256)]) + content[at + 1 :],
            lambda: content[: max(at, other)] + content[min(at, other) :],
            lambda: content.replace(b"{", b'{"type": 1, "type": "article", ', 1),
            lambda: content.replace(b'"', b"'"),
            lambda: content * 2,
            lambda: gzip.compress(content, 1),
            lambda: content.decode("utf-8", "replace").encode("utf-16"),
        ]
    )()
