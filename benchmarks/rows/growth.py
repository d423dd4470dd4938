"""Whether Draftline stays as quick as it was when a million contexts are stored."""

import time
from collections.abc import Callable
from typing import Any

from benchmarks.growth.plans import walks_the_table
from benchmarks.http_client import HttpClient
from benchmarks.installation import Installation
from benchmarks.processes import say
from benchmarks.row import Aim, Better, Figures, Medians, Metric, Row, Variant
from benchmarks.statistics import percentile
from benchmarks.workshop import Workshop

FEW, MANY = 10_000, 1_000_000
QUICK = {FEW: 6000, MANY: 12_000}
CLAIM_ROUNDS = 5
DEEP = 20
REQUESTS = 200
MOST = 1.5
CLAIM = Metric("claim_100", "ms", Better.LOWER)
LIST = Metric("list", "ms", Better.LOWER)
LIST_FAILED = Metric("list_failed", "ms", Better.LOWER)
LIST_DEEP = Metric(f"list_page_{DEEP}", "ms", Better.LOWER)
DETAIL = Metric("detail", "ms", Better.LOWER)
WALKS = Metric("table_walks", "", Better.LOWER, digits=0)


def _growth(count: int) -> Callable[[Workshop], Figures]:
    def measure(workshop: Workshop) -> Figures:
        folder = workshop.filled(QUICK[count] if workshop.is_quick else count)
        with Installation(None, folder, is_kept=True) as installation:
            installation.start_web()
            helper = installation.start_helper()
            requests = workshop.size(REQUESTS, 5)
            rounds = workshop.size(CLAIM_ROUNDS, 1)
            claims = helper.call("benchmarks.growth.orders.time_claims", rounds=rounds)
            figures = {CLAIM.name: claims["p50"]}
            ids = helper.call("benchmarks.growth.orders.ids", count=requests)["ids"]
            plans = helper.call("benchmarks.growth.orders.plans")["plans"]
            return figures | _requests(installation, requests, ids) | {WALKS.name: _walks(plans)}

    return measure


def _requests(installation: Installation, count: int, ids: list[str]) -> Figures:
    with HttpClient(installation.port, installation.key) as client:
        deep = "/api/contexts"
        for _ in range(DEEP - 1):
            deep = client.get(deep)["next"].removeprefix(installation.url)
        lists = {LIST: "/api/contexts", LIST_FAILED: "/api/contexts?status=failed", LIST_DEEP: deep}
        return {metric.name: _p50(client, [path] * count) for metric, path in lists.items()} | {
            DETAIL.name: _p50(client, [f"/api/contexts/{context_id}" for context_id in ids])
        }


def _p50(client: HttpClient, paths: list[str]) -> float:
    times = []
    for path in paths:
        began = time.monotonic()
        client.get(path)
        times.append((time.monotonic() - began) * 1000)
    return percentile(times, 50)


def _walks(plans: dict[str, Any]) -> float:
    """Count the statements that walk the whole table or sort it, and name them."""
    walks = {plan: sql for plan, sql in plans.items() if walks_the_table(plan)}
    for plan in plans:
        say(f"growth: {plan}")
    for plan, sql in walks.items():
        say(f"growth: no index serves this: {plan}: {sql}")
    return float(len(walks))


def _ratio_aim(metric: Metric) -> Aim:
    def ratio(medians: Medians) -> float:
        return medians[f"{MANY:,}"][metric.name] / medians[f"{FEW:,}"][metric.name]

    return Aim(f"{metric.label}: {MANY:,} at most {MOST} times {FEW:,}", MOST, Better.LOWER, ratio, "x", digits=2)


GROWTH = Row(
    name="growth",
    covers=(
        f"Medians in databases of {FEW:,} and {MANY:,} contexts of 3 KB in ten organizations, 2,000 of them pending: a "
        "claim of 100 in the engine; GET of lists and of one context over HTTP, one client, no worker."
    ),
    metrics=(CLAIM, LIST, LIST_FAILED, LIST_DEEP, DETAIL, WALKS),
    variants=tuple(Variant(f"{count:,}", _growth(count)) for count in (FEW, MANY)),
    aims=(
        *(_ratio_aim(metric) for metric in (CLAIM, LIST, LIST_FAILED, LIST_DEEP, DETAIL)),
        Aim("every statement is served by an index", 0, Better.LOWER, lambda m: m[f"{MANY:,}"][WALKS.name], "walks"),
    ),
    is_long=True,
)
