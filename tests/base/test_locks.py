"""One at a time: on one machine by the kernel, between machines by Redis; nobody is kept out for long by the dead."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django_redis import get_redis_connection

from base import locks
from base.locks import one_at_a_time
from base.problems import Busy

ROOT = Path(__file__).parents[2]
KEY = "draftline:lock:batch:batch_1"
HOLDS = """
import django, time
django.setup()
from base.locks import one_at_a_time
with one_at_a_time("batch:batch_1", "busy"):
    print("held", flush=True)
    time.sleep(60)
"""


def take(name: str = "batch:batch_1") -> None:
    with one_at_a_time(name, "Somebody else is at it."):
        pass


def holder(data_dir: Path, redis_url: str = "") -> subprocess.Popen[str]:
    """Return another process that holds the lock; with another DATA_DIR it stands for another machine."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATA_DIR": str(data_dir),
        "REDIS_URL": redis_url,
    }
    command = [sys.executable, "-c", HOLDS]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def test_lock_is_free_again_after_its_block_and_leaves_nothing(settings):
    for _ in range(2):
        with one_at_a_time("batch:batch_1", "busy"), pytest.raises(Busy, match="Somebody else"):
            take()
    take()
    assert list((settings.DATA_DIR / "locks").iterdir()) == []


def test_locks_of_other_names_are_free():
    with one_at_a_time("batch:batch_1", "busy"):
        take("batch:batch_2")


def test_lock_of_a_killed_process_is_free_at_once(settings):
    process = holder(settings.DATA_DIR)
    with pytest.raises(Busy):
        take()
    kill(process)
    take()


def test_of_many_who_want_it_at_once_one_has_it():
    inside, most, got = 0, 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most, got
        for _ in range(200):
            try:
                with one_at_a_time("batch:batch_1", "busy"):
                    with guard:
                        inside += 1
                        most, got = max(most, inside), got + 1
                    with guard:
                        inside -= 1
            except Busy:
                continue

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert got > 0


def test_lock_on_a_file_that_its_holder_has_just_removed_is_none(monkeypatch, settings):
    flock, path = fcntl.flock, settings.DATA_DIR / "locks" / "batch-batch_1"

    def leave_and_flock(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        path.unlink()  # as the holder before does, between our opening and our locking
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", leave_and_flock)
    with one_at_a_time("batch:batch_1", "busy"), pytest.raises(Busy):
        take()


def test_another_machine_is_kept_out_by_redis(redis, tmp_path_factory):
    process = holder(tmp_path_factory.mktemp("machine"), redis.url())
    with pytest.raises(Busy):
        take()
    kill(process)
    with pytest.raises(Busy):
        take()  # nobody there can tell that it is dead, but the lock has an end
    assert 0 < get_redis_connection().pttl(KEY) <= locks.EXPIRES_SECONDS * 1000
    get_redis_connection().pexpire(KEY, 1)
    wait_until_gone()
    take()


def wait_until_gone() -> None:
    deadline = time.monotonic() + 5
    while get_redis_connection().exists(KEY):
        assert time.monotonic() < deadline


def test_only_the_owner_frees_it(redis):
    with one_at_a_time("batch:batch_1", "busy"):
        get_redis_connection().set(KEY, "somebody else's")  # ours has run out meanwhile, and another took it
    assert get_redis_connection().get(KEY) == b"somebody else's"


def test_lock_lasts_as_long_as_the_work(redis, monkeypatch):
    monkeypatch.setattr(locks, "EXPIRES_SECONDS", 0.3)
    deadline = time.monotonic() + 1
    with one_at_a_time("batch:batch_1", "busy"):
        while time.monotonic() < deadline:
            assert get_redis_connection().exists(KEY)
            time.sleep(0.02)
    assert not get_redis_connection().exists(KEY)


def test_without_redis_the_machine_is_alone(redis):
    redis.kill()
    with one_at_a_time("batch:batch_1", "busy"), pytest.raises(Busy):
        take()
    take()


def test_redis_that_dies_meanwhile_spoils_no_work(redis):
    with one_at_a_time("batch:batch_1", "busy"):
        redis.kill()
