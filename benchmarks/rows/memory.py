"""Whether a worker stays as small as it was: 100,000 contexts through one process."""

from benchmarks.installation import Helper, Installation
from benchmarks.processes import Child, anonymous_mb, cpu_seconds, peak_rss_mb, rss_mb, say, wait_until
from benchmarks.row import Better, Figures, Metric, Row, Variant, at_most
from benchmarks.rows.throughput import CPU, PEAK, RATE, WARM_UP
from benchmarks.workshop import Workshop

CONTEXTS = 100_000
ROUNDS = 10
GROWTH = Metric("growth", "MiB", Better.LOWER)
RSS = tuple(Metric(f"rss_{place * 10}%", "MiB", Better.LOWER, digits=0) for place in range(1, ROUNDS + 1))
LIMIT_SECONDS = 1800.0
LOOK_SECONDS = 0.2


def _memory(workshop: Workshop) -> Figures:
    # a turn that lasts: one process must run them all
    with workshop.installation(DRAIN_SECONDS="7200") as installation:
        cluster, helper = installation.start_worker(), installation.start_helper()
        helper.call("benchmarks.orders.submit", count=WARM_UP)
        installation.wait_for_end(seconds=LIMIT_SECONDS)
        return _rounds(installation, cluster, helper, workshop.size(CONTEXTS, 200) // ROUNDS)


def _rounds(installation: Installation, cluster: Child, helper: Helper, lot: int) -> Figures:
    """Submit lot after lot, each while the one before is being worked: the worker never idles."""
    pid, cpu_before = installation.drain_pid(), cpu_seconds([cluster.process.pid])
    began: float = helper.call("benchmarks.orders.submit", count=lot)["returned_at"]
    sizes: list[float] = []
    private: list[float] = []
    for done in range(lot, ROUNDS * lot + 1, lot):
        if done < ROUNDS * lot:
            helper.call("benchmarks.orders.submit", count=lot)
        _wait_for(installation, cluster, WARM_UP + done)
        sizes.append(rss_mb(pid))
        private.append(anonymous_mb(pid))
        say(f"memory: after {done:,} contexts {sizes[-1]:.0f} MiB, of them {private[-1]:.1f} MiB its own")
    seconds = installation.wait_for_end(seconds=LIMIT_SECONDS) - began
    return {
        RATE.name: ROUNDS * lot / seconds,
        CPU.name: (cpu_seconds([cluster.process.pid]) - cpu_before) * 1000 / (ROUNDS * lot),
        PEAK.name: peak_rss_mb(pid),
        GROWTH.name: private[-1] - private[0],
        **{metric.name: size for metric, size in zip(RSS, sizes, strict=True)},
    }


def _wait_for(installation: Installation, cluster: Child, completed: int) -> None:
    def is_so() -> bool:
        cluster.check_alive()
        return installation.watch.counts().get("completed", 0) >= completed

    what = f"{completed:,} contexts have completed"
    wait_until(is_so, seconds=LIMIT_SECONDS, what=what, look_seconds=LOOK_SECONDS)


MEMORY = Row(
    name="memory",
    covers=(
        f"{CONTEXTS:,} contexts through the offline provider in one worker process. RSS counts the pages of the "
        "database file that are mapped, too; growth is that of the process's own (anonymous) memory from 10 % on."
    ),
    metrics=(RATE, CPU, PEAK, GROWTH, *RSS),
    variants=(Variant("offline", _memory),),
    aims=(at_most(250, "offline", PEAK), at_most(10, "offline", GROWTH)),
    is_long=True,
    runs=1,
)
