"""How long a single context takes when nothing else goes on."""

import random
import time

from benchmarks import work
from benchmarks.http_client import HttpClient
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
CPU = Metric("cpu", "ms/context", Better.LOWER, digits=2)


def _openai(workshop: Workshop) -> Figures:
    count = workshop.size(CONTEXTS, 5)
    with workshop.installation(model_url=workshop.model_url(0)) as installation:
        server = installation.start_server()
        with HttpClient(installation.port, installation.key) as client:

            def one(number: int) -> tuple[float, float]:
                """Return milliseconds from before the POST to its answer, and to the end seen in the database."""
                time.sleep(random.uniform(*PAUSE_SECONDS))  # in no step with the worker's looks
                began = time.monotonic()
                context_id = client.post("/api/contexts", work.context(number))["id"]
                answered = time.monotonic()
                ended = installation.watch.wait_for_context(context_id, seconds=LIMIT_SECONDS)
                return (answered - began) * 1000, (ended - began) * 1000

            for number in range(WARM_UP):
                one(number)
            pids = [server.process.pid]
            cpu_before = cpu_seconds(pids)
            times = [one(number) for number in range(count)]
            cpu = cpu_seconds(pids) - cpu_before
        ends = [end for _, end in times]
        return {
            P50.name: percentile(ends, 50),
            P95.name: percentile(ends, 95),
            POST.name: percentile([post for post, _ in times], 50),
            CPU.name: cpu * 1000 / count,
            PEAK.name: peak_rss_mb(installation.drain_pid()),
        }


PICKUP = Row(
    name="pickup",
    covers=(
        f"{CONTEXTS} contexts, one at a time, 50 to 150 ms after the one before, model latency 0. From before the HTTP "
        "POST to its row being seen as completed, over a read-only connection that looks each millisecond. CPU: all "
        "processes."
    ),
    metrics=(P50, P95, POST, CPU, PEAK),
    variants=(Variant("openai", _openai),),
    aims=(at_most(40, "openai", P50), at_most(80, "openai", P95)),
)
