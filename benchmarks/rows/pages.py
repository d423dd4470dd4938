"""How long the server takes for the pages that operators have open, with many contexts stored."""

import time
from collections.abc import Callable

import requests

from benchmarks.installation import Installation
from benchmarks.processes import BenchFailed
from benchmarks.row import Better, Figures, Metric, Row, Variant, at_most
from benchmarks.statistics import percentile
from benchmarks.workshop import Workshop

STORED, MANY = 100_000, 1_000_000
QUICK = {STORED: 6000, MANY: 12_000}
REQUESTS, WARM_UP, LEAST, MOST_SECONDS = 40, 3, 6, 20
MOST_MS = 300
NAMES = (
    "home",
    "contexts",
    "contexts, failed",
    "contexts, by id",
    "contexts, by title",
    "contexts, no match",
    "context",
    "batches",
    "batch",
    "templates",
    "workers",
)
MEDIAN = Metric("median", "ms", Better.LOWER)
P95 = Metric("p95", "ms", Better.LOWER)
MEDIAN_OF_MANY = Metric("median_of_1M", "ms", Better.LOWER)
P95_OF_MANY = Metric("p95_of_1M", "ms", Better.LOWER)


Times = dict[str, list[float] | BenchFailed]


class _Rounds:
    """All pages are asked for in one go, for a server takes longer to start than a page; each is handed out once."""

    def __init__(self) -> None:
        self._left: dict[int, Times] = {}

    def take(self, workshop: Workshop, name: str, count: int) -> list[float]:
        if name not in self._left.get(count, {}):
            self._left[count] = _measure(workshop, count)
        found = self._left[count].pop(name)
        if isinstance(found, BenchFailed):
            raise found
        return found


def _page(name: str, rounds: _Rounds) -> Callable[[Workshop], Figures]:
    def measure(workshop: Workshop) -> Figures:
        found, many = (rounds.take(workshop, name, count) for count in (STORED, MANY))
        return {
            MEDIAN.name: percentile(found, 50),
            P95.name: percentile(found, 95),
            MEDIAN_OF_MANY.name: percentile(many, 50),
            P95_OF_MANY.name: percentile(many, 95),
        }

    return measure


def _measure(workshop: Workshop, count: int) -> Times:
    folder = workshop.filled(QUICK[count] if workshop.is_quick else count)
    with Installation(None, folder, is_kept=True) as installation, requests.Session() as browser:
        installation.start_web()
        prepared = installation.start_helper().call("benchmarks.pages.orders.prepare")
        browser.headers["Cookie"] = prepared["cookie"]
        asked = WARM_UP + workshop.size(REQUESTS, 5)
        return {name: _times(browser, installation.url + prepared["paths"][name], asked) for name in NAMES}


def _times(browser: requests.Session, address: str, asked: int) -> list[float] | BenchFailed:
    """Return how many milliseconds each answer took, from the request to its last byte; fewer of a slow page."""
    times: list[float] = []
    try:
        while len(times) < asked and (len(times) < LEAST or sum(times) < MOST_SECONDS * 1000):
            times.append(_ask(browser, address))
    except BenchFailed as failed:
        return failed
    return times[WARM_UP:]


def _ask(browser: requests.Session, address: str) -> float:
    began = time.monotonic()
    answer = browser.get(address, timeout=60, allow_redirects=False)
    taken = (time.monotonic() - began) * 1000
    if answer.status_code != 200:
        raise BenchFailed(f"GET {address} answered {answer.status_code}")
    return taken


_ROUNDS = _Rounds()
PAGES = Row(
    name="pages",
    covers=(
        f"Pages of the admin, asked for by one member of staff one after the other, with {STORED:,} and {MANY:,} "
        "contexts of 3 KB in ten organizations and two weeks of outcomes: from the request to the last byte; no "
        "worker. “No match” is a search of titles that finds nothing."
    ),
    metrics=(MEDIAN, P95, MEDIAN_OF_MANY, P95_OF_MANY),
    variants=tuple(Variant(name, _page(name, _ROUNDS)) for name in NAMES),
    aims=tuple(at_most(MOST_MS, name, P95) for name in NAMES),
    is_long=True,
)
