"""Batches, workers, the queue, the side bar and the first page."""

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.conf import Conf

from base import clock
from contexts.admin.texts import moment_text
from contexts.batches import batch_submit
from contexts.engine.limits import Need, ProviderLimits, Refusal
from contexts.engine.providers import provider_settle
from contexts.engine.run import run_drain
from contexts.engine.vital_signs import Doing, vital_signs_note
from contexts.failure import failure
from contexts.models import Batch, Context, StepTranscript, Worker, WorkerState
from contexts.states import Status
from contexts.submission import Submitter
from tests.contexts.rows import ERROR
from tests.fakes.openai_server import answer, refusal
from tests.plans import SqlitePlan, is_count, plans_of
from users.access import Role
from users.models import IdempotencyKey

pytestmark = pytest.mark.django_db
BATCHES, WORKERS = "/admin/contexts/batch/", "/admin/contexts/worker/"
PROVIDERS = "/admin/contexts/provider/"
# with Redis the queue's messages are no rows
QUEUE = (*(["ormq"] if Conf.ORM else []), "schedule", "success", "failure")


@pytest.fixture
def batch(organization) -> Batch:
    items = [
        {"type": "article", "pipeline": ["template", "ai_generator"], "data": {"title": f"T{n}"}} for n in range(3)
    ]
    return batch_submit(items, submitter=Submitter(organization.pk), name="<b>Autumn</b>")[0]


def test_a_batch_shows_how_far_it_is_and_leads_to_its_contexts(admin_browser, batch):
    page = admin_browser.get(BATCHES).content.decode()
    assert batch.pk in page
    assert "0 of 3" in page
    assert "<b>Autumn" not in page
    detail = admin_browser.get(f"{BATCHES}{batch.pk}/change/").content.decode()
    assert f"?batch={batch.pk}&amp;status=pending" in detail
    assert "<b>Autumn" not in detail
    assert admin_browser.get(BATCHES, {"q": "Autumn"}).context["cl"].result_list == [batch]


def test_a_batch_says_how_fast_it_goes_and_when_it_will_be_done(admin_browser, batch):
    Batch.objects.update(created_at=clock.now() - timedelta(minutes=2))
    first = batch.contexts.order_by("pk")[0]
    Context.objects.filter(pk=first.pk).update(status=Status.COMPLETED, ended_at=clock.now())
    for address in (BATCHES, f"{BATCHES}{batch.pk}/change/"):
        page = admin_browser.get(address).content.decode()
        assert re.search(r"0\.5 a minute, done about \d\d:\d\d UTC", page)
    Context.objects.update(status=Status.COMPLETED, ended_at=clock.now())
    page = admin_browser.get(BATCHES).content.decode()
    assert "done about" not in page
    assert "data-live" not in page, "what has ended moves no more"


def test_failed_contexts_of_a_batch_are_grouped_by_their_reasons(operator, batch, organization):
    one, two, three = batch.contexts.order_by("pk")
    for row, type in ((one, "timed_out"), (two, "rate_limited"), (three, "timed_out")):
        columns = failure({**ERROR, "type": type})
        Context.objects.filter(pk=row.pk).update(status=Status.FAILED, ended_at=clock.now(), **columns)
    address = f"{BATCHES}{batch.pk}/change/"
    page = operator.get(address)
    assert [(row["number"], row["short"]) for row in page.context["reasons"]] == [
        (2, "Took too long"),
        (1, "Rate limited"),
    ]
    text = page.content.decode()
    assert f"?batch={batch.pk}&amp;status=failed&amp;error=timed_out&amp;component=ai_generator" in text
    trial = operator.get(page.context["urls"]["trial"])
    assert "3 contexts can be retried" in trial.content.decode()
    grouped = [plan for plan in plans_of(lambda: operator.get(address), "contexts") if "number" in plan.query]
    assert len(grouped) == 2, "by status, and by reason"
    for plan in grouped:
        if isinstance(plan, SqlitePlan):  # the groups, at most a batch's, are sorted in memory
            assert "contexts_progress (batch_id=?" in plan.text


def test_a_batch_is_cancelled_once(operator, batch):
    address = f"{BATCHES}{batch.pk}/cancel/"
    assert "is cancelled" in operator.post(address, follow=True).content.decode()
    assert set(Context.objects.values_list("status", flat=True)) == {Status.CANCELLED}
    assert "there is nothing to cancel" in operator.post(address, follow=True).content.decode()


@pytest.mark.django_db(transaction=True)
def test_the_failed_contexts_of_a_batch_are_set_going_again(operator, model_server, batch):
    model_server.default = refusal()
    run_drain(until_idle=True)
    page = operator.get(f"{BATCHES}{batch.pk}/change/").content.decode()
    failed = Context.objects.filter(status=Status.FAILED)
    assert failed.count() == 3
    assert all(quote(context.pk) in page for context in failed)
    assert page.count("ai_generator: Model refused") == 3
    model_server.default = answer()
    operator.post(f"{BATCHES}{batch.pk}/retry/")
    run_drain(until_idle=True)
    assert set(Context.objects.values_list("status", flat=True)) == {Status.COMPLETED}


@pytest.mark.parametrize("role", [Role.EDITOR, Role.AUDITOR])
def test_those_who_only_look_move_no_batch(role, person, batch):
    browser = person(role)
    assert f"{batch.pk}/cancel/" not in browser.get(f"{BATCHES}{batch.pk}/change/").content.decode()
    assert browser.post(f"{BATCHES}{batch.pk}/cancel/").status_code == 403
    assert browser.post(f"{BATCHES}{batch.pk}/retry/").status_code == 403
    assert browser.post(f"{BATCHES}{batch.pk}/change/", {"name": "x"}).status_code == 403


def test_another_organizations_batch_is_not_there(person, batch, other):
    browser = person(Role.OPERATOR, other)
    assert batch.pk not in browser.get(BATCHES).content.decode()
    assert browser.get(f"{BATCHES}{batch.pk}/change/").status_code == 404
    assert browser.post(f"{BATCHES}{batch.pk}/cancel/").status_code == 404


def test_the_progress_of_a_page_of_batches_is_one_query(admin_browser, organization, batch):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            admin_browser.get(BATCHES)
        return len(captured)

    queries()
    before = queries()
    item = {"type": "article", "pipeline": ["template"], "data": {}}
    for _ in range(3):
        batch_submit([item], submitter=Submitter(organization.pk))
    assert queries() == before


def test_workers_are_shown_and_a_silent_one_stands_out(admin_browser):
    now = clock.now()
    Worker.objects.create(id="wrk_1", host="alpha", pid=11)
    Worker.objects.create(id="wrk_2", host="beta", pid=12, heartbeat_at=now - timedelta(minutes=5))
    Worker.objects.create(id="wrk_3", host="gamma", pid=13, state=WorkerState.BURIED)
    page = admin_browser.get(WORKERS)
    for words in ("alpha", "beta", "gamma", "silent", "dead"):
        assert words in page.content.decode()
    assert [row.pk for row in admin_browser.get(WORKERS, {"state__exact": "live"}).context["cl"].result_list] == [
        "wrk_2",
        "wrk_1",
    ]
    assert admin_browser.post(f"{WORKERS}wrk_1/change/", {"pid": 1}).status_code == 403


def test_worker_that_only_finishes_what_it_has_says_so(admin_browser, redis):
    Worker.objects.create(id="wrk_1", host="alpha", pid=11)
    vital_signs_note("wrk_1", Doing.FINISHING, in_flight=3)
    assert "finishing" in admin_browser.get(WORKERS).content.decode()
    redis.kill()
    page = admin_browser.get(WORKERS).content.decode()
    assert "alpha" in page
    assert "finishing" not in page


@pytest.mark.parametrize("address", [WORKERS, PROVIDERS])
def test_staff_of_one_organization_see_no_workers_and_providers(person, organization, address):
    browser = person(Role.OPERATOR, organization)
    assert browser.get(address).status_code == 403
    assert address not in browser.get("/admin/").content.decode()


def test_provider_that_is_left_alone_says_until_when(admin_browser):
    now = clock.now()
    provider_settle("openai", ProviderLimits(), Need("a", active=8, wanted=8))
    assert "left alone" not in admin_browser.get(PROVIDERS).content.decode()
    refused = Need("a", active=7, wanted=9, refusal=Refusal(now.timestamp(), 600))
    provider_settle("openai", ProviderLimits(), refused)
    page = admin_browser.get(PROVIDERS).content.decode()
    assert "left alone" in page
    assert moment_text(now + timedelta(seconds=600))[:-4] in page
    assert "4 of 2000" in page
    assert admin_browser.post(f"{PROVIDERS}openai/change/", {"state": "{}"}).status_code == 403


def test_the_queue_is_for_administrators_and_read_only(person, admin_browser, other):
    operator, theirs = person(Role.OPERATOR), person(Role.ADMINISTRATOR, other)
    for name in QUEUE:
        assert admin_browser.get(f"/admin/django_q/{name}/").status_code == 200
        assert admin_browser.get(f"/admin/django_q/{name}/add/").status_code == 403
        assert operator.get(f"/admin/django_q/{name}/").status_code == 403
        assert theirs.get(f"/admin/django_q/{name}/").status_code == 403
    assert "/admin/django_q/" in admin_browser.get("/admin/").content.decode()
    assert "/admin/django_q/" not in operator.get("/admin/").content.decode()


def test_bookkeeping_has_no_pages():
    assert not admin.site.is_registered(IdempotencyKey)
    assert not admin.site.is_registered(StepTranscript)


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.EDITOR, Role.OPERATOR, Role.AUDITOR])
def test_every_link_of_the_side_bar_opens(role, person):
    browser = person(role)
    groups = browser.get("/admin/").context["sidebar_navigation"]
    links = [item["link"] for group in groups for item in group["items"]]
    assert "/admin/contexts/context/" in links
    assert ("/admin/users/user/" in links) == (role in (Role.ADMINISTRATOR, Role.AUDITOR))
    for link in links:
        assert browser.get(link).status_code == 200, link


@pytest.mark.django_db(transaction=True)
def test_the_first_page_tells_what_waits_and_what_failed(admin_browser, worked, submit, person, other):
    failed = worked(refusal(), title="<i>Broken</i>")
    submit()
    page = admin_browser.get("/admin/")
    numbers = {card.name: card.number for card in page.context["cards"]}
    assert numbers == {
        "Waiting": "1", "In work": "0", "Retrying": "0", "Failed": "1", "Completed": "0", "Workers": "0",
    }  # fmt: skip
    assert quote(failed.pk) in page.content.decode()
    assert "<i>Broken" not in page.content.decode()
    theirs = person(Role.OPERATOR, other).get("/admin/")
    assert {card.number for card in theirs.context["cards"]} == {"0"}
    assert quote(failed.pk) not in theirs.content.decode()


def test_the_first_page_counts_along_indexes(admin_browser):
    plans = plans_of(lambda: admin_browser.get("/admin/"), "contexts")
    counts = [plan for plan in plans if is_count(plan.query)]
    assert len(counts) == 5
    for plan in counts:
        assert "1001" in plan.query, "no more than a thousand are counted"
        if isinstance(plan, SqlitePlan):
            assert "COVERING INDEX contexts_" in plan.text
        else:
            plan.assert_reads()
