"""What Draftline itself costs: a model that answers at once, beside the plain way to do it with django-q2."""

from benchmarks.plain.run import measure_plain
from benchmarks.row import Aim, Better, Figures, Row, Variant, at_least
from benchmarks.rows.throughput import CPU, PEAK, RATE, measure_submitted
from benchmarks.workshop import Workshop

CONTEXTS = 1000
QUICK_CONTEXTS = 60
# the plain way takes each for itself: its rate does not depend on how many there are
PLAIN_CONTEXTS = 300
TIMES_PLAIN = 8


def _openai(workshop: Workshop) -> Figures:
    return measure_submitted(workshop, workshop.size(CONTEXTS, QUICK_CONTEXTS), model_url=workshop.model_url(0))


def _offline(workshop: Workshop) -> Figures:
    return measure_submitted(workshop, workshop.size(CONTEXTS, QUICK_CONTEXTS), model_url=None)


def _plain(workshop: Workshop, *, model_url: str | None, workers: int = 1) -> Figures:
    return measure_plain(workshop, workshop.size(PLAIN_CONTEXTS, 20), model_url=model_url, workers=workers)


def _times_plain(ours: str, plain: str) -> Aim:
    return Aim(
        text=f"{ours}: at least {TIMES_PLAIN} times {plain}",
        target=TIMES_PLAIN,
        better=Better.HIGHER,
        value=lambda medians: medians[ours][RATE.name] / medians[plain][RATE.name],
        unit="x",
    )


OVERHEAD = Row(
    name="overhead",
    covers=(
        f"{CONTEXTS:,} contexts (plain: {PLAIN_CONTEXTS}), model latency 0, one worker process. From the return of the "
        "one submission that releases them all, the worker warm and idle before, to the last one completed."
    ),
    metrics=(RATE, CPU, PEAK),
    variants=(
        Variant("openai", _openai),
        Variant("offline", _offline),
        Variant("plain", lambda workshop: _plain(workshop, model_url=workshop.model_url(0))),
        Variant("plain offline", lambda workshop: _plain(workshop, model_url=None)),
        Variant("plain, two workers", lambda workshop: _plain(workshop, model_url=workshop.model_url(0), workers=2)),
    ),
    aims=(
        at_least(200, "openai", RATE),
        at_least(500, "offline", RATE),
        _times_plain("openai", "plain"),
        _times_plain("offline", "plain offline"),
    ),
)
