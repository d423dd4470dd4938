"""One run of many contexts through one worker process: what several rows have in common."""

from benchmarks.processes import cpu_seconds, peak_rss_mb
from benchmarks.row import Better, Figures, Metric
from benchmarks.workshop import Workshop

RATE = Metric("rate", "contexts/s", Better.HIGHER, digits=0)
SECONDS = Metric("time", "s", Better.LOWER, digits=2)
CPU = Metric("worker_cpu", "ms/context", Better.LOWER, digits=2)
PEAK = Metric("worker_peak", "MiB", Better.LOWER, digits=0)
ROUND_TRIPS = Metric("round_trips", "/context", Better.LOWER, digits=2)
WARM_UP = 20
LIMIT_SECONDS = 600.0


def measure_submitted(workshop: Workshop, count: int, *, model_url: str | None) -> Figures:
    """Submit so many contexts at once to an idle, warm worker; measure until all have completed.

    The worker's CPU time is that of the whole cluster, all of its processes; its memory that of the process which runs
    the contexts.
    """
    with workshop.installation(model_url=model_url) as installation:
        cluster, helper = installation.start_worker(), installation.start_helper()
        helper.call("benchmarks.orders.submit", count=WARM_UP)
        installation.wait_for_end(seconds=LIMIT_SECONDS)
        pid = installation.drain_pid()
        cpu_before, asked_before = cpu_seconds([cluster.process.pid]), installation.round_trips(pid)
        began: float = helper.call("benchmarks.orders.submit", count=count)["returned_at"]
        seconds = installation.wait_for_end(seconds=LIMIT_SECONDS) - began
        asked = installation.round_trips(pid)
        return {
            RATE.name: count / seconds,
            SECONDS.name: seconds,
            CPU.name: (cpu_seconds([cluster.process.pid]) - cpu_before) * 1000 / count,
            PEAK.name: peak_rss_mb(pid),
            **({} if asked is None or asked_before is None else {ROUND_TRIPS.name: (asked - asked_before) / count}),
        }
