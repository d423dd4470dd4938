"""What the helper process is asked to do for the row of pages."""

from datetime import timedelta
from itertools import product
from typing import Any

from django.conf import settings
from django.contrib.admin.utils import quote
from django.test import Client

from base.inserting import insert_missing
from benchmarks.growth.fill import ORGANIZATIONS
from contexts.models import Batch, Context, Outcome
from contexts.outcomes.models import Span
from contexts.outcomes.selectors import DAYS_SHOWN, HOURS_OF_ERRORS, today
from contexts.outcomes.tally import Place
from users.access import Role
from users.models import User

OPERATOR = "bench-operator"
TYPES = ("article", "newsletter", "product_description")
TEMPLATES = ("tmpl_article_technical", "tmpl_article", "")
LATENCIES = {str(bucket): bucket for bucket in range(35, 60)}
ERRORS = [["ai_generator", kind, 3] for kind in ("rate_limited", "timed_out", "provider_error", "broken_json")]


def prepare() -> dict[str, Any]:
    """Log a member of Draftline's staff in, and count what has ended; answer the cookie, and the page of each name."""
    user, _ = User.objects.get_or_create(username=OPERATOR, defaults={"role": Role.OPERATOR})
    insert_missing(_outcomes())
    browser = Client()
    browser.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return {"cookie": f"{name}={browser.cookies[name].value}", "paths": _paths()}


def _paths() -> dict[str, str]:
    """Return what is asked for: the pages that operators have open all day."""
    contexts, batches = "/admin/contexts/context/", "/admin/contexts/batch/"
    failed = Context.objects.filter(status="failed").order_by("-pk")[0]
    batch = Batch.objects.order_by("-pk")[1]
    return {
        "home": "/admin/",
        "contexts": contexts,
        "contexts, failed": f"{contexts}?status=failed&error=rate_limited&component=ai_generator",
        "contexts, by id": f"{contexts}?q={failed.pk}",
        "contexts, by title": f"{contexts}?q=article+77",
        "contexts, no match": f"{contexts}?q=nobody+wrote+this",
        "context": f"{contexts}{quote(failed.pk)}/change/",
        "batches": batches,
        "batch": f"{batches}{quote(batch.pk)}/change/",
        "templates": "/admin/templates_app/template/",
        "workers": "/admin/contexts/worker/",
    }


def _outcomes() -> list[Outcome]:
    """Return two weeks of days and a day of hours, of ten organizations, three types and three templates."""
    days = [(Span.DAY, today() - timedelta(days=back)) for back in range(DAYS_SHOWN)]
    hours = [(Span.HOUR, today() - timedelta(hours=back)) for back in range(HOURS_OF_ERRORS)]
    return [
        _outcome(Place(span, start, f"org_bench_{number}", type, template))
        for (span, start), number, type, template in product([*days, *hours], range(ORGANIZATIONS), TYPES, TEMPLATES)
    ]


def _outcome(place: Place) -> Outcome:
    return Outcome(
        id=place.row_id,
        span=place.span,
        start=place.start,
        organization_id=place.organization_id,
        type=place.type,
        template_id=place.template_id,
        completed=sum(LATENCIES.values()),
        failed=12,
        input_tokens=400_000,
        output_tokens=900_000,
        cost_usd=10.5,
        latencies=LATENCIES,
        errors=ERRORS,
        counted_until=place.start + timedelta(hours=1),
    )
