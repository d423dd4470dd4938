"""What /metrics tells, to whom, and that it stays quick."""

import io
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from base import clock
from base.version import VERSION
from contexts import metrics
from contexts.doorbell import start_drain
from contexts.metrics import (
    Seldom,
    deliveries_pending,
    delivery_due_since,
    ended_counts,
    open_counts,
    waiting_since,
)
from contexts.models import Context, OutcomesCounted, Provider, Worker
from contexts.states import Status
from contexts.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.api.calls import problem_of
from tests.contexts.rows import make_context
from tests.docs.pages import ROOT, section, table_rows
from tests.plans import SqlitePlan, plans_of

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-many-letters"


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    """Each test counts what has ended anew."""
    monkeypatch.setattr(metrics, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(metrics, "KEPT_PER_SECOND_OF_WORK", 0.0)


def scraped(client: Client, **headers: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return every sample by its name and labels, as Prometheus reads them."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.content.decode()))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    assert all(family.documentation for family in families)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(samples: dict[Any, float], name: str, **labels: str) -> float:
    return samples[(name, frozenset(labels.items()))]


# --- what it tells --------------------------------------------------------------------------------------------
def test_contexts_are_counted_by_status(client, organization):
    for status, number in ((Status.PENDING, 3), (Status.PROCESSING, 1), (Status.COMPLETED, 2), (Status.FAILED, 1)):
        for _ in range(number):
            make_context(organization, status)
    make_context(organization, Status.HELD)
    samples = scraped(client)
    counted = {
        status.value: value(samples, "draftline_contexts", status=status) for status in Status if status != "held"
    }
    assert counted == {"pending": 3, "processing": 1, "retrying": 0, "completed": 2, "failed": 1, "cancelled": 0}
    assert ("draftline_contexts", frozenset({("status", "held")})) not in samples


def test_the_longest_wait_is_told(client, organization):
    now = clock.now()
    for minutes in (1, 10, 5):
        make_context(organization, created_at=now - timedelta(minutes=minutes))
    for seconds in (-60, 30):
        make_context(organization, Status.RETRYING, next_retry_at=now - timedelta(seconds=seconds))
    samples = scraped(client)
    assert 600 <= value(samples, "draftline_longest_wait_seconds", status="pending") < 630
    assert 30 <= value(samples, "draftline_longest_wait_seconds", status="retrying") < 60


def test_who_waits_for_nothing_waits_for_no_time(client):
    samples = scraped(client)
    assert value(samples, "draftline_longest_wait_seconds", status="pending") == 0
    assert value(samples, "draftline_longest_wait_seconds", status="retrying") == 0


def test_workers_providers_and_queues_are_told(client):
    Worker.objects.create(host="a", pid=1, in_flight=3)
    Worker.objects.create(host="a", pid=2, in_flight=4)
    cools_until = clock.now().timestamp() + 30
    state = {"cool_until": cools_until, "shares": {"wrk_a": [2, 5, 0.0], "wrk_b": [3, 3, 0.0]}}
    Provider.objects.create(id="openai", state=state)
    start_drain()
    samples = scraped(client)
    assert (value(samples, "draftline_workers"), value(samples, "draftline_contexts_in_flight")) == (2, 7)
    assert 25 < value(samples, "draftline_provider_cools_seconds", provider="openai") <= 30
    assert value(samples, "draftline_provider_calls_granted", provider="openai") == 5
    assert value(samples, "draftline_provider_calls_wanted", provider="openai") == 8
    assert value(samples, "draftline_queue_messages", cluster="contexts") == 1
    assert value(samples, "draftline_queue_messages", cluster="chores") == 0


def test_webhooks_that_are_late_are_told(client, organization):
    endpoint = WebhookEndpoint.objects.create(
        organization=organization, slot=0, url="https://hooks.example.com/", secret="x"
    )
    now = clock.now()
    for state, seconds in (("pending", 40), ("pending", -60), ("delivered", 900)):
        WebhookDelivery.objects.create(
            endpoint=endpoint,
            organization=organization,
            event="context.completed",
            resource_id="ctx_a",
            payload={},
            state=state,
            next_attempt_at=now - timedelta(seconds=seconds),
        )
    samples = scraped(client)
    assert value(samples, "draftline_webhook_deliveries_pending") == 2
    assert 40 <= value(samples, "draftline_webhook_delivery_late_seconds") < 70


def test_how_far_outcomes_are_counted_is_told(client):
    assert value(scraped(client), "draftline_outcomes_behind_seconds") == 0
    OutcomesCounted.objects.create(id="cursor", until=clock.now() - timedelta(minutes=2))
    assert 120 <= value(scraped(client), "draftline_outcomes_behind_seconds") < 150


def test_requests_are_counted_by_route_and_status(client, api):
    labels = {"method": "GET", "route": "/api/contexts/<str:context_id>", "status": "404"}
    before = scraped(client).get(("draftline_http_requests_total", frozenset(labels.items())), 0)
    for name in ("ctx_a", "ctx_b"):
        api.get(f"/api/contexts/{name}")
    samples = scraped(client)
    assert value(samples, "draftline_http_requests_total", **labels) == before + 2
    del labels["status"]
    assert value(samples, "draftline_http_request_seconds_count", **labels) >= 2
    assert value(samples, "draftline_http_request_seconds_sum", **labels) > 0


def test_paths_and_methods_that_somebody_makes_up_are_no_series_of_their_own(client):
    for number in range(5):
        client.get(f"/made/up/{number}")
        client.generic(f"MADE{number}", "/made/up")
    samples = scraped(client)
    assert not any("made" in str(labels).lower() for _, labels in samples)
    assert value(samples, "draftline_http_requests_total", method="GET", route="none", status="404") >= 5
    assert value(samples, "draftline_http_requests_total", method="OTHER", route="none", status="404") >= 5


def test_the_process_and_its_version_are_told(client):
    samples = scraped(client)
    assert value(samples, "process_resident_memory_bytes") > 1_000_000
    assert any(name == "draftline_build_info" and ("version", VERSION) in labels for name, labels in samples)


def test_without_a_database_the_rest_is_told(client, monkeypatch):
    assert value(scraped(client), "draftline_database_up") == 1

    def away() -> None:
        raise OperationalError("secret")

    monkeypatch.setattr(metrics, "open_counts", away)
    samples = scraped(client)
    assert value(samples, "draftline_database_up") == 0
    assert value(samples, "process_resident_memory_bytes") > 0
    assert not any(name == "draftline_contexts" for name, _ in samples)


# --- to whom --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_a_program_on_this_machine_may_look(peer):
    assert Client(REMOTE_ADDR=peer).get("/metrics").status_code == 200


@pytest.mark.parametrize("peer", ["10.0.0.5", "192.0.2.1", "::ffff:10.0.0.5", "2001:db8::1", "", "unknown"])
def test_nobody_else_may_without_a_token(peer):
    problem_of(Client(REMOTE_ADDR=peer).get("/metrics"), 403)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_whoever_comes_through_a_proxy_is_not_taken_for_this_machine(client, header):
    problem_of(client.get("/metrics", headers={header: "127.0.0.1"}), 403)


def test_behind_a_proxy_nobody_is_taken_for_this_machine(client, settings):
    settings.BEHIND_PROXY = True
    problem_of(client.get("/metrics"), 403)


def test_with_a_token_the_token_alone_counts(settings):
    settings.METRICS_TOKEN = TOKEN
    settings.BEHIND_PROXY = True
    assert scraped(Client(REMOTE_ADDR="10.0.0.5"), Authorization=f"Bearer {TOKEN}")
    for wrong in ("", "Bearer", "Bearer ", "Bearer x", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer ü"):
        answer = Client(REMOTE_ADDR="127.0.0.1").get("/metrics", headers={"Authorization": wrong})
        assert problem_of(answer, 401)["type"] == "/problems/not-authenticated"
        assert answer["WWW-Authenticate"].startswith("Bearer")


def test_an_api_key_is_no_token(api):
    api.defaults["REMOTE_ADDR"] = "10.0.0.5"
    problem_of(api.get("/metrics"), 403)


def test_metrics_are_only_read(client):
    assert problem_of(client.post("/metrics", io.BytesIO(b""), content_type="text/plain"), 405)
    assert client.head("/metrics").status_code == 200


# --- how quick it is ------------------------------------------------------------------------------------------
def test_every_count_reads_an_index_and_no_row(organization):
    for status in Status:
        make_context(organization, status)
    plans = plans_of(lambda: (open_counts(), ended_counts()), "contexts", "")
    assert len(plans) == 6
    for plan in plans:
        if isinstance(plan, SqlitePlan):
            assert "SEARCH contexts USING COVERING INDEX contexts_" in plan.text, plan.text
        else:
            plan.assert_reads("contexts_status")


def test_the_longest_wait_is_the_first_entry_of_an_index(organization):
    make_context(organization)
    retrying, pending = plans_of(waiting_since, "contexts")
    pending.assert_reads("contexts_status")
    retrying.assert_reads("contexts_due")


def test_webhooks_are_read_from_an_index():
    plans = plans_of(lambda: (deliveries_pending(), delivery_due_since()), "webhook_deliveries", "")
    assert len(plans) == 2
    for plan in plans:
        if isinstance(plan, SqlitePlan):
            assert "INDEX webhook_deliveries_due (state=?" in plan.text, plan.text
            assert "TEMP B-TREE" not in plan.text, plan.text
        else:
            plan.assert_reads("webhook_deliveries_due")


def test_open_contexts_are_counted_up_to_a_bound(organization, monkeypatch):
    monkeypatch.setattr(metrics, "COUNTED_MOST", 2)
    for _ in range(4):
        make_context(organization)
    assert open_counts()["pending"] == 2
    assert Context.objects.count() == 4


def test_what_has_ended_is_counted_seldom(monkeypatch):
    monkeypatch.setattr(metrics, "KEPT_SECONDS", 60.0)
    counts = iter([{"completed": 1}, {"completed": 2}])
    seldom = Seldom(lambda: next(counts))
    assert [seldom.counts() for _ in range(3)] == [{"completed": 1}] * 3
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert seldom.counts() == {"completed": 2}


def test_a_scrape_asks_few_questions(client, organization, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        client.get("/metrics")


# --- the page about it ----------------------------------------------------------------------------------------
def test_every_metric_is_documented_and_no_other(client, organization):
    Provider.objects.create(id="openai")
    client.get("/healthz")
    families = text_string_to_metric_families(client.get("/metrics").content.decode())
    ours = {family.name for family in families if not family.name.startswith("process_")}
    rows = table_rows(section(ROOT / "docs" / "operate.md", "Metrics"))
    documented = {name for cell, _ in rows for name in re.findall(r"`(draftline_\w+)", cell)}
    assert {name.removesuffix("_total") for name in documented} == ours
