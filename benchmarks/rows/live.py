"""Many clients that wait for contexts or follow them: what that costs others, and how late they hear of the end."""

import asyncio
import json
import random
import re
import threading
import time
from collections.abc import Callable

from base.clock import from_iso
from benchmarks import work
from benchmarks.http_client import HttpClient
from benchmarks.installation import Installation
from benchmarks.processes import BenchFailed
from benchmarks.row import Better, Figures, Metric, Row, Variant, at_most
from benchmarks.statistics import percentile
from benchmarks.workshop import Workshop

OPEN = 500
READS = 300
PAUSE_SECONDS = 0.01
SETTLE_SECONDS = 2.5  # shorter than the server keeps an idle connection
# long enough for all to be open, and for the reads, before the first context ends
LATENCY_SECONDS = 20.0
# a stream's last event, a context's document
END = re.compile(rb'"(?:at|end_time)":"([0-9TZ:.-]+)"')

GET_P50 = Metric("get_p50", "ms", Better.LOWER)
GET_P95 = Metric("get_p95", "ms", Better.LOWER)
LATE_P50 = Metric("late_p50", "ms", Better.LOWER, digits=0)
LATE_P95 = Metric("late_p95", "ms", Better.LOWER, digits=0)


class Crowd(threading.Thread):
    """Opens one long answer for each path, and notes how many milliseconds after its context's end each is over."""

    def __init__(self, installation: Installation, paths: list[str]) -> None:
        super().__init__(daemon=True)
        self._installation = installation
        self._paths = paths
        self.late_ms: list[float] = []

    def run(self) -> None:
        asyncio.run(self._all())

    async def _all(self) -> None:
        self.late_ms = await asyncio.gather(*(self._one(path) for path in self._paths))

    async def _one(self, path: str) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._installation.port)
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self._installation.key}"]
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        answer = await reader.read(-1)
        arrived = time.time()
        writer.close()
        return (arrived - from_iso(END.findall(answer)[-1].decode()).timestamp()) * 1000


def _waiters(workshop: Workshop) -> Figures:
    return _measured(workshop, lambda context: f"/api/contexts/{context}?wait=60")


def _streams(workshop: Workshop) -> Figures:
    return _measured(workshop, lambda context: f"/api/contexts/{context}/events")


def _measured(workshop: Workshop, path: Callable[[str], str]) -> Figures:
    """Open one answer for each of as many contexts; read some of them meanwhile; then all end."""
    count = workshop.size(OPEN, 20)
    body = {"contexts": [work.context(number) for number in range(count)]}
    with workshop.installation(model_url=workshop.model_url(LATENCY_SECONDS)) as installation:
        installation.start_server()
        with HttpClient(installation.port, installation.key) as client:
            client.post_bytes("/api/contexts/bulk", json.dumps(body).encode())
            ids = installation.watch.context_ids()
            crowd = Crowd(installation, [path(context) for context in ids])
            crowd.start()
            times = _reads(client, ids, workshop.size(READS, 20))
            if not crowd.is_alive():
                raise BenchFailed("the contexts ended before the reads did: they do not count.")
        crowd.join(timeout=60)
    if len(crowd.late_ms) < count:
        raise BenchFailed("not all who waited were answered.")
    return {
        GET_P50.name: percentile(times, 50),
        GET_P95.name: percentile(times, 95),
        LATE_P50.name: percentile(crowd.late_ms, 50),
        LATE_P95.name: percentile(crowd.late_ms, 95),
    }


def _reads(client: HttpClient, ids: list[str], count: int) -> list[float]:
    """Read contexts, once the crowd has come in; return how many milliseconds each took."""
    time.sleep(SETTLE_SECONDS)
    times = []
    for _ in range(count):
        time.sleep(PAUSE_SECONDS)
        began = time.monotonic()
        client.get(f"/api/contexts/{random.choice(ids)}")
        times.append((time.monotonic() - began) * 1000)
    return times


LIVE = Row(
    name="live",
    covers=(
        f"{OPEN} contexts at a model that takes {LATENCY_SECONDS:g} s, each with a client that waits (?wait=60) or "
        f"follows its events, on one web process. get: one more client reads contexts meanwhile, {READS} times. "
        "late: from the end as the row has it to the last byte of the answer; all end within a second or so."
    ),
    metrics=(GET_P50, GET_P95, LATE_P50, LATE_P95),
    variants=(Variant(f"{OPEN} waiters", _waiters), Variant(f"{OPEN} streams", _streams)),
    aims=(at_most(50, f"{OPEN} waiters", GET_P95), at_most(50, f"{OPEN} streams", GET_P95)),
    is_long=True,
)
