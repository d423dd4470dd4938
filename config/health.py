"""Does this process answer, and can it serve: for load balancers and people. No log-in, and cheap."""

import logging
import time
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from base.problem_views import CONTENT_TYPE, only_get
from base.problems import problem_document
from contexts.doorbell import drains_live

MIGRATIONS_TRUSTED_SECONDS = 10.0
CACHE_PROBE = "readyz"
OK, FAILED = "ok", "failed"

logger = logging.getLogger(__name__)


class MigrationCheck:
    """Remembers for some seconds that nothing is missing: reading all migrations takes 100 ms."""

    def __init__(self) -> None:
        self._trusted_until = 0.0

    def missing(self) -> int:
        """Return how many migrations are still to be applied."""
        if time.monotonic() < self._trusted_until:
            return 0
        executor = MigrationExecutor(connection)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if not missing:
            self._trusted_until = time.monotonic() + MIGRATIONS_TRUSTED_SECONDS
        return missing


migration_check = MigrationCheck()


@never_cache
@only_get
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that the process answers; look at nothing else."""
    return JsonResponse({"status": OK})


@never_cache
@only_get
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 where the database and its migrations are fine, else 503; tell of cache and workers too."""
    report: dict[str, Any] = {"database": OK, "migrations": OK, "cache": _cache(), "workers": None}
    try:
        report["workers"] = _workers()
        missing = migration_check.missing()
    except Exception:  # whatever a driver raises, the answer is the same
        logger.exception("readyz_database_failed")
        return _unready("The database does not answer, or its tables are missing.", {**report, "database": FAILED})
    if missing:
        detail = f"{missing} migrations are not applied; run 'manage.py migrate'."
        return _unready(detail, {**report, "migrations": FAILED})
    return JsonResponse({"status": OK, **report})


def _workers() -> dict[str, int]:
    in_flight = list(drains_live().values_list("in_flight", flat=True))
    return {"live": len(in_flight), "in_flight": sum(in_flight)}


def _cache() -> str:
    # contexts do without it, so it decides nothing here
    try:
        cache.set(CACHE_PROBE, OK, timeout=60)
        return OK if cache.get(CACHE_PROBE) == OK else FAILED
    except Exception:
        logger.exception("readyz_cache_failed")
        return FAILED


def _unready(detail: str, report: dict[str, Any]) -> HttpResponse:
    problem = problem_document(status=503, type="not-ready", title="Not ready to serve", detail=detail)
    return JsonResponse({**problem, **report}, status=503, content_type=CONTENT_TYPE)
