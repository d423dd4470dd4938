"""A client that goes on submitting, whatever happens."""

import threading
import time
from collections import Counter

import requests

from tests.durability.installation import SEED, Installation


class Client(threading.Thread):
    """Submits a context now and then, each with a key, and notes every answer."""

    def __init__(self, installation: Installation) -> None:
        super().__init__(daemon=True)
        self._installation = installation
        self._is_over = threading.Event()
        self.broken = 0
        self.accepted: list[str] = []
        self.refused: Counter[tuple[int, str]] = Counter()

    def __enter__(self) -> "Client":
        self.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._is_over.set()
        self.join(timeout=60)

    def run(self) -> None:
        while not self._is_over.wait(0.2):
            try:
                self.accepted.append(self._installation.submit_one(SEED, f"key-{time.monotonic_ns()}"))
            except requests.HTTPError as exc:
                self.refused[exc.response.status_code, exc.response.headers["Content-Type"]] += 1
            except requests.RequestException:
                self.broken += 1
