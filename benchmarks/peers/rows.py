"""The rows with other systems beside Draftline, in the same run."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from benchmarks.peers.run import PEERS, Peer, measure_pickup, measure_throughput
from benchmarks.row import Aim, Better, Figures, Medians, Row, Variant
from benchmarks.rows import overhead, pickup, waiting
from benchmarks.rows.throughput import RATE
from benchmarks.workshop import Workshop

NOTE = " Other systems: two worker processes of 64; procrastinate saves each step in PostgreSQL, Celery in Redis."


def with_peers(row: Row) -> Row:
    """Return a row with the peers as further variants; those without a comparison stay as they are."""
    if row.name == overhead.OVERHEAD.name:
        return _beside(row, _overhead, "", aims=tuple(_ahead_of(peer) for peer in PEERS))
    if row.name == waiting.WAITING.name:
        return _beside(row, _waiting, f"{waiting.FEW} at once, ")
    if row.name == pickup.PICKUP.name:
        return _beside(row, _pickup, "")
    return row


def _beside(row: Row, measure: Callable[[Peer, Workshop], Figures], prefix: str, aims: tuple[Aim, ...] = ()) -> Row:
    variants = tuple(Variant(prefix + peer.name, partial(measure, peer)) for peer in PEERS)
    return replace(row, covers=row.covers + NOTE, variants=row.variants + variants, aims=row.aims + aims)


def _overhead(peer: Peer, workshop: Workshop) -> Figures:
    return measure_throughput(peer, workshop, workshop.size(overhead.CONTEXTS, overhead.QUICK_CONTEXTS), 0)


def _waiting(peer: Peer, workshop: Workshop) -> Figures:
    return measure_throughput(peer, workshop, workshop.size(waiting.FEW, 50), waiting.LATENCY_SECONDS)


def _pickup(peer: Peer, workshop: Workshop) -> Figures:
    return measure_pickup(peer, workshop, workshop.size(pickup.CONTEXTS, 5))


def _ahead_of(peer: Peer) -> Aim:
    def ratio(medians: Medians) -> float:
        return medians["openai"][RATE.name] / medians[peer.name][RATE.name]

    return Aim(f"openai: ahead of {peer.name}", 1.0, Better.HIGHER, ratio, "x", digits=2)
