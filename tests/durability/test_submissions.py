"""The web process is killed while clients submit: what was answered exists, once."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.durability.database import Row
from tests.durability.installation import SEED, Installation, wait_until

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]

SUBMISSIONS = 200
AT_ONCE = 16
KILL_AFTER_ANSWERS = (20, 80, 140)


class Clients:
    """Submit with a key each, again and again until they are answered."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self.broken = 0
        self.answers: dict[str, str] = {}
        self._lock = threading.Lock()

    def submit(self, key: str) -> None:
        answer = wait_until(lambda: self.tried(key), seconds=60, what="a submission is answered")
        with self._lock:
            self.answers[key] = answer

    def wait_for_answers(self, number: int) -> None:
        wait_until(lambda: len(self.answers) >= number, seconds=60, what=f"{number} submissions are answered")

    def tried(self, key: str) -> str | None:
        body = {**SEED, "pipeline": ["template"], "data": {**SEED["data"], "title": key}}
        try:
            return self._installation.submit_one(body, key)
        except requests.RequestException:
            with self._lock:
                self.broken += 1
            return None


def test_web_process_killed_during_submissions_loses_and_doubles_nothing(installation):
    clients = Clients(installation)
    keys = [f"key-{uuid.uuid4()}" for _ in range(SUBMISSIONS)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = [pool.submit(clients.submit, key) for key in keys]
        for answers in KILL_AFTER_ANSWERS:
            clients.wait_for_answers(answers)
            for web in installation.processes("config.web"):
                web.kill()
        for each in running:
            each.result(timeout=60)
    assert clients.broken > 0, "a kill that hits no request shows nothing"
    stored = [(row["title"], row["_id"]) for row in submitted(installation)]
    assert sorted(stored) == sorted(clients.answers.items()), "one row for each key, the one that was answered"
    for key in keys[:20]:
        assert clients.tried(key) == clients.answers[key], "who asks again gets the same"
    wait_until(
        lambda: all(row["status"] == "completed" for row in submitted(installation)),
        seconds=60,
        what="all of them complete",
    )


def submitted(installation: Installation) -> list[Row]:
    return [row for row in installation.database.contexts() if row["title"].startswith("key-")]
