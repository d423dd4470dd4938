"""Components that kill or hold their worker fail alone, with a reason; nobody else fails, and nobody waits for long."""

import time
from datetime import timedelta
from typing import Any

import pytest

from base.clock import from_iso
from tests.durability.components import COMPONENTS
from tests.durability.installation import SEED, Installation
from tests.durability.seed import ROOT
from tests.fakes.openai_server import FakeOpenAi

pytestmark = [pytest.mark.durability, pytest.mark.timeout(300)]

LEASE_SECONDS = 9
# a process, its Django and its first claim, on a machine that is busy with all of this
RESTART = timedelta(seconds=12)
KILLERS: dict[str, tuple[Any, str]] = {
    "exits": ("exits", "worker_lost"),
    "segfaults": ("segfaults", "worker_lost"),
}
FAULTY: dict[str, tuple[Any, str]] = {
    "hogs": ("hogs", "component_broke"),
    "blocks": ("blocks", "timed_out"),
    "floods": ("floods", "result_too_large"),
    "keyboard interrupt": ({"component": "raises", "config": {"what": "KeyboardInterrupt"}}, "component_broke"),
    "system exit": ({"component": "raises", "config": {"what": "SystemExit"}}, "component_broke"),
    "generator exit": ({"component": "raises", "config": {"what": "GeneratorExit"}}, "component_broke"),
    "own": ({"component": "raises", "config": {"what": "Own"}}, "component_broke"),
}
BAD = KILLERS | FAULTY


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    settings = {
        "COMPONENTS": COMPONENTS,
        "PYTHONPATH": str(ROOT),
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "HEARTBEAT_SECONDS": "3",
        "LOOP_BLOCKED_SECONDS": "4",
    }
    with (
        FakeOpenAi(latency_seconds=0.5) as model_server,
        Installation(tmp_path_factory.mktemp("installation"), model_server, **settings) as running,
    ):
        running.wait_for_drains()
        yield running


def test_bad_components_fail_alone_and_keep_nobody_waiting(installation):
    bad = {name: installation.post("contexts", {**SEED, "pipeline": [step]})["id"] for name, (step, _) in BAD.items()}
    innocent = run_innocents_until_all_have_ended(installation, list(bad.values()))
    for name, context_id in bad.items():
        context = installation.get(f"contexts/{context_id}")
        assert (context["status"], context["error"]["type"]) == ("failed", BAD[name][1]), name
    found = [installation.get(f"contexts/{context_id}") for context_id in innocent]
    assert {context["status"] for context in found} == {"completed"}
    waits = [from_iso(context["processing"]["end_time"]) - from_iso(context["created_at"]) for context in found]
    print(
        f"{len(found)} others, {sorted(context['attempts'] for context in found)[-5:]} attempts, at most {max(waits)}"
    )
    assert max(waits) < timedelta(seconds=LEASE_SECONDS) + RESTART


def run_innocents_until_all_have_ended(installation: Installation, bad: list[str]) -> list[str]:
    """Submit a context twice a second while the bad ones are at work; return their ids when all have ended."""
    innocent: list[str] = []
    deadline = time.monotonic() + 180
    while is_open(installation, bad):
        assert time.monotonic() < deadline, f"still open: {[installation.get(f'contexts/{each}') for each in bad]}"
        innocent.append(installation.post("contexts", SEED)["id"])
        time.sleep(0.5)  # the pace of a client
    while is_open(installation, innocent):
        assert time.monotonic() < deadline + 30
        time.sleep(0.1)
    return innocent


def is_open(installation: Installation, ids: list[str]) -> bool:
    ended = {row["_id"] for status in ("completed", "failed") for row in installation.database.contexts(status=status)}
    return not ended.issuperset(ids)
