"""What the API takes in, and how long a reader waits while the worker is busy."""

import json
import random
import time
from dataclasses import dataclass

from benchmarks import work
from benchmarks.http_client import HttpClient
from benchmarks.installation import Installation
from benchmarks.load import post_request, send_load
from benchmarks.processes import BenchFailed, Child, cpu_seconds
from benchmarks.row import Better, Figures, Metric, Row, Variant, at_least, at_most
from benchmarks.statistics import percentile
from benchmarks.workshop import Workshop

CLIENTS = 4
# short, so that a slow second of the machine hits both
SLICE_SECONDS = 0.5
SLICES = 10
WARM_UP_SECONDS = 0.3
BULK = 10_000
READS = 300
PAUSE_SECONDS = 0.01
BARE_SETTINGS = "benchmarks.bare.settings"

POSTS = Metric("posts", "requests/s", Better.HIGHER, digits=0)
BARE = Metric("bare_view", "requests/s", Better.HIGHER, digits=0)
SHARE = Metric("share", "%", Better.HIGHER, digits=0)
POST_CPU = Metric("post_cpu", "ms", Better.LOWER)
BARE_CPU = Metric("bare_cpu", "ms", Better.LOWER)
BULK_TIME = Metric("bulk", "s", Better.LOWER, digits=2)
GET_P50 = Metric("get_p50", "ms", Better.LOWER)
GET_P95 = Metric("get_p95", "ms", Better.LOWER)


@dataclass
class Tally:
    """What one address has answered, and what that took of the web server's CPU."""

    requests: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_ms(self) -> float:
        return self.cpu_seconds * 1000 / self.requests


def _post(workshop: Workshop) -> Figures:
    """Post to the real view and to the bare one by turns, on one web server."""
    slices, seconds = (1, 0.3) if workshop.is_quick else (SLICES, SLICE_SECONDS)
    tallies = {"/api/contexts": Tally(), "/bare/contexts": Tally()}
    with workshop.installation(settings=BARE_SETTINGS) as installation:
        web = installation.start_web()
        for path in tallies:
            _add_load(installation, web, path, WARM_UP_SECONDS, Tally())
        for _ in range(slices):
            for path, tally in tallies.items():
                _add_load(installation, web, path, seconds, tally)
    posts, bare = tallies.values()
    return {
        POSTS.name: posts.rate,
        BARE.name: bare.rate,
        SHARE.name: posts.rate / bare.rate * 100,
        POST_CPU.name: posts.cpu_ms,
        BARE_CPU.name: bare.cpu_ms,
    }


def _add_load(installation: Installation, web: Child, path: str, seconds: float, tally: Tally) -> None:
    request = post_request(path, installation.key, json.dumps(work.context(0)).encode())
    cpu_before = cpu_seconds([web.process.pid])
    load = send_load(installation.port, request, clients=CLIENTS, seconds=seconds, status=201)
    tally.cpu_seconds += cpu_seconds([web.process.pid]) - cpu_before
    tally.requests += load.requests
    tally.seconds += load.seconds


def _bulk_and_get(workshop: Workshop) -> Figures:
    """Submit many in one call; then read some of them while the worker is at work on them."""
    count = workshop.size(BULK, 600)
    body = json.dumps({"contexts": [work.context(number) for number in range(count)]}).encode()
    with workshop.installation() as installation:
        installation.start_server()
        with HttpClient(installation.port, installation.key) as client:
            client.post("/api/contexts", work.context(0))
            installation.wait_for_end(seconds=60)
            began = time.monotonic()
            client.post_bytes("/api/contexts/bulk", body)
            bulk_seconds = time.monotonic() - began
            times = _reads(installation, client, workshop.size(READS, 20))
    return {
        BULK_TIME.name: bulk_seconds,
        GET_P50.name: percentile(times, 50),
        GET_P95.name: percentile(times, 95),
    }


def _reads(installation: Installation, client: HttpClient, count: int) -> list[float]:
    """Read contexts by their ids, one after the other; return how many milliseconds each took."""
    ids = installation.watch.context_ids()
    times = []
    for _ in range(count):
        time.sleep(PAUSE_SECONDS)
        began = time.monotonic()
        client.get(f"/api/contexts/{random.choice(ids)}")
        times.append((time.monotonic() - began) * 1000)
    if not installation.watch.has_open():
        raise BenchFailed("the worker was done before the reads were: they do not count.")
    return times


API = Row(
    name="api",
    covers=(
        f"posts: POST /api/contexts, {CLIENTS} clients, by turns with a bare DRF view (same server, authentication and "
        f"table, one insert, no checks); no worker. bulk: {BULK:,} contexts in one call, to the answer. get: a context "
        f"by id, one client, {READS} reads while the one worker runs those {BULK:,} (offline provider)."
    ),
    metrics=(POSTS, BARE, SHARE, POST_CPU, BARE_CPU, BULK_TIME, GET_P50, GET_P95),
    variants=(Variant("post", _post), Variant("bulk, get", _bulk_and_get)),
    aims=(at_least(70, "post", SHARE), at_most(3, "bulk, get", BULK_TIME), at_most(20, "bulk, get", GET_P95)),
)
