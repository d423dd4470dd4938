"""Many contexts that all wait for a slow model, in one worker process."""

from benchmarks.row import Figures, Row, Variant, at_least, at_most
from benchmarks.rows.throughput import CPU, PEAK, RATE, SECONDS, measure_submitted
from benchmarks.workshop import Workshop

LATENCY_SECONDS = 1.0
FEW = 500
MANY = 5000


def _few(workshop: Workshop) -> Figures:
    return _waiting(workshop, workshop.size(FEW, 50))


def _many(workshop: Workshop) -> Figures:
    return _waiting(workshop, workshop.size(MANY, 100))


def _waiting(workshop: Workshop, count: int) -> Figures:
    return measure_submitted(workshop, count, model_url=workshop.model_url(LATENCY_SECONDS))


WAITING = Row(
    name="waiting",
    covers=(
        f"Model latency {LATENCY_SECONDS:g} s, one worker process. From the return of the one submission that releases "
        "all contexts, the worker warm and idle before, to the last one completed."
    ),
    metrics=(SECONDS, RATE, CPU, PEAK),
    variants=(Variant(f"{FEW} at once", _few), Variant(f"{MANY} at once", _many)),
    aims=(
        at_most(2.5, f"{FEW} at once", SECONDS),
        at_least(350, f"{MANY} at once", RATE),
        at_most(250, f"{MANY} at once", PEAK),
    ),
)
