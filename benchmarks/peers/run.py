"""One measurement of a peer: its database server, two workers, a helper that submits and watches."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.installation import Helper
from benchmarks.peers.environment import Store, environment_for, peers_python, postgres, redis
from benchmarks.processes import Child, cpu_seconds, family, peak_rss_mb
from benchmarks.row import Figures
from benchmarks.rows.pickup import P50, P95
from benchmarks.rows.throughput import CPU, PEAK, RATE, SECONDS
from benchmarks.statistics import percentile
from benchmarks.workshop import Workshop

WORKERS = 2
# both workers must have warmed up: more than one of them takes at once
WARM_UP = 200


@dataclass(frozen=True)
class Peer:
    """Another system.

    Args:
        module: where its orders are.
        store: runs its database server in a new folder.
        worker: the arguments of Python that start worker ``number``.
    """

    name: str
    module: str
    store: Callable[[Path], AbstractContextManager[Store]]
    worker: Callable[[int], list[str]]


def _procrastinate_worker(number: int) -> list[str]:
    app = "--app=benchmarks.peers.procrastinate_app.app"
    return ["-m", "procrastinate", app, "worker", "--concurrency", "64", "--name", f"w{number}"]


def _celery_worker(number: int) -> list[str]:
    options = ["--pool", "threads", "--concurrency", "64", "--hostname", f"w{number}@bench", "--loglevel", "WARNING"]
    return ["-m", "celery", "--app", "benchmarks.peers.celery_app", "worker", *options]


PROCRASTINATE = Peer("procrastinate", "benchmarks.peers.procrastinate_app", postgres, _procrastinate_worker)
CELERY = Peer("celery", "benchmarks.peers.celery_app", redis, _celery_worker)
PEERS = (PROCRASTINATE, CELERY)


class Running:
    """A peer that is warm and idle."""

    def __init__(self, peer: Peer, helper: Helper, workers: list[Child]) -> None:
        self._module = peer.module
        self.helper = helper
        self.pids = [worker.process.pid for worker in workers]
        self._total = 0

    def submit(self, count: int) -> float:
        """Submit so many; return when that was done, in monotonic seconds."""
        self._total += count
        returned_at: float = self.helper.call(f"{self._module}.submit", count=count)["returned_at"]
        return returned_at

    def wait(self) -> float:
        """Wait until all have completed; return when that was seen, in monotonic seconds."""
        seen_at: float = self.helper.call(f"{self._module}.wait", total=self._total)["seen_at"]
        return seen_at

    def pickups(self, count: int) -> list[float]:
        times: list[float] = self.helper.call(f"{self._module}.pickups", count=count)["times"]
        return times

    def peak_mb(self) -> float:
        """Return the peak of the largest worker process."""
        return max(peak_rss_mb(process.pid) for pid in self.pids for process in family(pid))


@contextmanager
def running(peer: Peer, workshop: Workshop, latency_seconds: float) -> Iterator[Running]:
    """Run a peer.

    Raises:
        Missing: it, or its database server, is not installed.
    """
    python, folder = str(peers_python()), workshop.new_folder()
    with ExitStack() as stack:
        store = stack.enter_context(peer.store(folder))
        environment = environment_for(store, workshop.model_url(latency_seconds))
        log = folder.parent / f"{folder.name}.log"
        command = [python, "-m", "benchmarks.peers.helper"]
        helper = stack.enter_context(Helper(environment, log, command=command))
        helper.call(f"{peer.module}.prepare")
        workers = [Child([python, *peer.worker(number)], environment=environment, log=log) for number in range(WORKERS)]
        for worker in workers:
            stack.callback(worker.stop)
        started = Running(peer, helper, workers)
        started.submit(WARM_UP)
        started.wait()
        yield started


def measure_throughput(peer: Peer, workshop: Workshop, count: int, latency_seconds: float) -> Figures:
    """Submit so many at once; measure until all have completed."""
    with running(peer, workshop, latency_seconds) as started:
        cpu_before = cpu_seconds(started.pids)
        began = started.submit(count)
        seconds = started.wait() - began
        return {
            RATE.name: count / seconds,
            SECONDS.name: seconds,
            CPU.name: (cpu_seconds(started.pids) - cpu_before) * 1000 / count,
            PEAK.name: started.peak_mb(),
        }


def measure_pickup(peer: Peer, workshop: Workshop, count: int) -> Figures:
    """Submit one at a time."""
    with running(peer, workshop, 0) as started:
        times = started.pickups(count)
        return {P50.name: percentile(times, 50), P95.name: percentile(times, 95), PEAK.name: started.peak_mb()}
