"""What docs/webhooks.md shows is true: its code verifies what is sent, its tables are those of the code."""

import json
import re
import shutil
import subprocess
from pathlib import Path

from base import clock
from contexts.webhooks.endpoints import MOST_ENDPOINTS
from contexts.webhooks.events import Event
from contexts.webhooks.schedule import BACKOFF_SECONDS
from contexts.webhooks.secrets import new_secret, signed_headers
from tests.docs.pages import ROOT, code_blocks, section, table_rows, text_of

PAGE = ROOT / "docs" / "webhooks.md"
BODY = '{"type":"webhook.test","data":{"title":"Äpfel"}}'.encode()
RUN_IN_NODE = """
import {{ isGenuine }} from "{module}";
let text = "";
for await (const part of process.stdin) text += part;
const cases = JSON.parse(text);
console.log(JSON.stringify(cases.map(([secret, headers, body]) => isGenuine(secret, headers, Buffer.from(body)))));
"""


def cases() -> list[tuple[str, dict[str, str], bytes]]:
    """A genuine message, one signed by two secrets, then such as are not: changed, old, another's."""
    secret, other, now = new_secret(), new_secret(), clock.now()
    headers = signed_headers("whd_1", BODY, [secret], now)
    return [
        (secret, headers, BODY),
        (secret, signed_headers("whd_1", BODY, [other, secret], now), BODY),
        (secret, headers, BODY + b" "),
        (secret, {**headers, "webhook-id": "whd_2"}, BODY),
        (secret, {**headers, "webhook-timestamp": "1600000000"}, BODY),
        (other, headers, BODY),
    ]


WANTED = [True, True, False, False, False, False]


def test_python_of_the_page_tells_what_is_genuine():
    [code] = code_blocks(text_of(PAGE), "python")
    namespace: dict = {}
    exec(compile(code, str(PAGE), "exec"), namespace)
    assert [namespace["is_genuine"](*case) for case in cases()] == WANTED


def test_javascript_of_the_page_tells_what_is_genuine(tmp_path: Path):
    node = shutil.which("node")
    assert node, "node is not installed; run: sudo apt-get install nodejs"
    [code] = code_blocks(text_of(PAGE), "javascript")
    (tmp_path / "page.mjs").write_text(code)
    (tmp_path / "run.mjs").write_text(RUN_IN_NODE.format(module="./page.mjs"))
    said = json.dumps([[secret, headers, body.decode()] for secret, headers, body in cases()])
    done = subprocess.run([node, tmp_path / "run.mjs"], input=said, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == WANTED


def test_every_event_is_in_the_table_and_no_other():
    rows = table_rows(section(PAGE, "What is sent"))
    assert [cell.strip("`") for cell, *_ in rows] == [event.value for event in Event]


def test_retries_and_the_most_are_those_of_the_code():
    text = re.sub(r"\s+", " ", text_of(PAGE))
    assert BACKOFF_SECONDS == (5, 60, 300, 1800, 7200, 18000, 28800, 28800)
    assert "after 5 seconds, 1, 5 and 30 minutes, 2, 5, 8 and 8 hours" in text
    assert f"at most {MOST_ENDPOINTS} webhooks" in text
