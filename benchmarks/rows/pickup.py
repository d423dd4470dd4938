"""How long a single context takes when nothing else goes on."""

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks import work
from benchmarks.http_client import HttpClient
from benchmarks.installation import Installation
from benchmarks.processes import cpu_seconds, peak_rss_mb
from benchmarks.row import Better, Figures, Metric, Row, Variant, at_most
from benchmarks.rows.throughput import PEAK
from benchmarks.statistics import percentile
from benchmarks.workshop import Workshop

CONTEXTS = 60
WARM_UP = 5
PAUSE_SECONDS = (0.05, 0.15)
LIMIT_SECONDS = 30.0
P50 = Metric("p50", "ms", Better.LOWER)
P95 = Metric("p95", "ms", Better.LOWER)
POST = Metric("post_p50", "ms", Better.LOWER)
END = Metric("end_time_p50", "ms", Better.LOWER)
CPU = Metric("cpu", "ms/context", Better.LOWER, digits=2)


@dataclass(frozen=True)
class Pickup:
    """Milliseconds from before a POST: to its answer, to the end that the worker noted, to the end being seen."""

    answered_ms: float
    ended_ms: float
    seen_ms: float


def _openai(workshop: Workshop) -> Figures:
    count = workshop.size(CONTEXTS, 5)
    with workshop.installation(model_url=workshop.model_url(0)) as installation:
        pids = [installation.start_server().process.pid]
        with HttpClient(installation.port, installation.key) as client:
            for number in range(WARM_UP):
                _one(installation, client, number)
            cpu_before = cpu_seconds(pids)
            found = [_one(installation, client, number) for number in range(count)]
            cpu = cpu_seconds(pids) - cpu_before
        seen = [pickup.seen_ms for pickup in found]
        return {
            P50.name: percentile(seen, 50),
            P95.name: percentile(seen, 95),
            END.name: percentile([pickup.ended_ms for pickup in found], 50),
            POST.name: percentile([pickup.answered_ms for pickup in found], 50),
            CPU.name: cpu * 1000 / count,
            PEAK.name: peak_rss_mb(installation.drain_pid()),
        }


def _one(installation: Installation, client: HttpClient, number: int) -> Pickup:
    """Submit a context to the idle system and see it through."""
    time.sleep(random.uniform(*PAUSE_SECONDS))  # in no step with the worker's looks
    began_at, began = datetime.now(UTC), time.monotonic()
    context_id = client.post("/api/contexts", work.context(number))["id"]
    answered = time.monotonic()
    seen = installation.watch.wait_for_context(context_id, seconds=LIMIT_SECONDS)
    ended_at = installation.watch.ended_at(context_id)
    return Pickup(
        answered_ms=(answered - began) * 1000,
        ended_ms=(ended_at - began_at).total_seconds() * 1000,
        seen_ms=(seen - began) * 1000,
    )


PICKUP = Row(
    name="pickup",
    covers=(
        f"{CONTEXTS} contexts, one at a time, 50 to 150 ms after the one before, model latency 0. From before the HTTP "
        "POST to its row being seen as completed, over a read-only connection that looks each millisecond; end time: "
        "to the end that the worker noted in the row. CPU: all processes."
    ),
    metrics=(P50, P95, END, POST, CPU, PEAK),
    variants=(Variant("openai", _openai),),
    aims=(at_most(40, "openai", P50), at_most(80, "openai", P95)),
)
