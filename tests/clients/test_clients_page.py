"""The clients of docs/clients.md do what the page says, against a real server."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.docs.pages import ROOT, code_blocks, section
from tests.durability.installation import Installation
from tests.fakes.tearing_proxy import TearingProxy

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]
PAGE = ROOT / "docs" / "clients.md"
REFUSED = "curl: (22) The requested URL returned error: "  # it says so, and asks again
TOLD = [
    "status pending",
    "status processing",
    "step template",
    "step ai_generator",
    "step transformer",
    "status completed",
]


def printed(installation: Installation, heading: str, language: str, *command: str, url: str = "") -> str:
    """What the client under a heading prints; it talks to another address than the server's own where one is named."""
    (client,) = code_blocks(section(PAGE, heading), language)
    program = shutil.which(command[0])
    assert program, f"{command[0]} is not installed"
    environment = {
        **installation.environment,
        "DRAFTLINE": url or installation.url,
        "KEY": installation.authorization.removeprefix("Bearer "),
    }
    done = subprocess.run(
        [program, *command[1:]], input=client, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    complaints = [line for line in done.stderr.splitlines() if not line.startswith(REFUSED)]
    assert complaints == []
    return done.stdout


@contextmanager
def bad_day(installation: Installation, *, tears: int) -> Iterator[TearingProxy]:
    """Refuse the first two requests, and tear so many streams in the middle of an event."""
    with TearingProxy(
        installation.port, tear_after=b'event: step\ndata: {"id', tears=tears, refusals=[429, 503]
    ) as proxy:
        yield proxy
    assert not proxy.refusals_left
    assert proxy.tears_left <= 0


def resumed_after(proxy: TearingProxy) -> list[int]:
    """The ids that streams were asked for again with."""
    lines = [line.lower() for line in proxy.requests]
    return [int(line.split(": ")[1]) for line in lines if line.startswith("last-event-id")]


def test_curl_gets_the_text_and_the_events(installation: Installation):
    text = printed(installation, "curl", "sh", "bash", "-euo", "pipefail")
    assert text.startswith("# Example Article")
    assert '"status":"completed"' in text


def test_python_follows_a_context_and_a_batch_and_reads_a_problem(installation: Installation):
    lines = printed(installation, "Python", "python", sys.executable, "-").splitlines()
    assert lines[: len(TOLD)] == TOLD
    assert lines[len(TOLD)] == "completed"
    assert "<h1" in lines[len(TOLD) + 1]
    assert lines[-2:] == ["3 of 3", "/problems/invalid-input /pipeline/0"]


def test_javascript_follows_a_context_and_reads_a_problem(installation: Installation):
    lines = printed(installation, "JavaScript", "js", "node", "--input-type=module", "-").splitlines()
    assert lines[: len(TOLD)] == TOLD
    assert lines[len(TOLD) : len(TOLD) + 2] == ["completed", "# Example Article"]
    assert lines[-1] == "/problems/invalid-input /pipeline/0"


def test_curl_waits_as_long_as_it_is_told_and_asks_again(installation: Installation):
    with bad_day(installation, tears=0) as proxy:
        text = printed(installation, "curl", "sh", "bash", "-euo", "pipefail", url=proxy.url)
    assert text.startswith("# Example Article")


@pytest.mark.parametrize(
    ("heading", "language", "command"),
    [
        ("Python", "python", [sys.executable, "-"]),
        ("JavaScript", "js", ["node", "--input-type=module", "-"]),
    ],
    ids=["Python", "JavaScript"],
)
def test_client_goes_on_without_a_gap_where_streams_are_torn_and_requests_refused(
    installation: Installation, heading: str, language: str, command: list[str]
):
    with bad_day(installation, tears=2) as proxy:
        lines = printed(installation, heading, language, *command, url=proxy.url).splitlines()
    assert lines[: len(TOLD)] == TOLD, "nothing is missing, and nothing comes twice"
    assert lines[-1] == "/problems/invalid-input /pipeline/0"
    first, *later = resumed_after(proxy)
    # of a part that was torn a client may have seen nothing: where all came in one, it asks for all again
    assert (first, later) == (0, sorted(later))
    assert later[-1]
