"""One run of the plain way."""

from benchmarks.processes import cpu_seconds, family, peak_rss_mb
from benchmarks.row import Figures
from benchmarks.rows.throughput import CPU, LIMIT_SECONDS, PEAK, RATE, SECONDS, WARM_UP
from benchmarks.workshop import Workshop

SETTINGS = "benchmarks.plain.settings"


def measure_plain(workshop: Workshop, count: int, *, model_url: str | None, workers: int) -> Figures:
    """Give a warm, idle cluster so many tasks at once; measure until all contexts have completed."""
    with workshop.installation(model_url=model_url, settings=SETTINGS, WORKERS=str(workers)) as installation:
        cluster, helper = installation.start("manage.py", "qcluster"), installation.start_helper()
        helper.call("benchmarks.plain.orders.submit", count=WARM_UP)
        installation.wait_for_end(seconds=LIMIT_SECONDS)
        pid = cluster.process.pid
        cpu_before = cpu_seconds([pid])
        began: float = helper.call("benchmarks.plain.orders.submit", count=count)["returned_at"]
        seconds = installation.wait_for_end(seconds=LIMIT_SECONDS) - began
        return {
            RATE.name: count / seconds,
            SECONDS.name: seconds,
            CPU.name: (cpu_seconds([pid]) - cpu_before) * 1000 / count,
            PEAK.name: max(peak_rss_mb(process.pid) for process in family(pid)),
        }
