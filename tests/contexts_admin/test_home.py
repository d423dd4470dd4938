"""The first page: what came of contexts by day and by type, what fails most, what works."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from base import clock
from contexts.failure import failure
from contexts.models import Context, Provider, Worker
from contexts.outcomes.counting import outcomes_count
from contexts.states import Status
from tests.contexts.outcomes.conftest import NOON, it_is
from tests.contexts.rows import ERROR, make_context, step_run
from tests.plans import assert_reads_an_index, plans_of
from users.access import Role

pytestmark = pytest.mark.django_db
HOME = "/admin/"
ERRORS = {"rate_limited": 3, "timed_out": 1}


def ended(owner: Any, status: Status = Status.COMPLETED, **fields: Any) -> Context:
    """A context that took ten seconds and cost a cent, and ended two minutes ago."""
    moment = clock.now() - timedelta(minutes=2)
    run = step_run("ai_generator", input_tokens=100, output_tokens=20, cost_usd=0.01)
    values = {"ended_at": moment, "created_at": moment - timedelta(seconds=10), "attempts": 1, "step_runs": [run]}
    return make_context(owner, status, **(values | fields))


@pytest.fixture
def counted(organization, other):
    it_is(NOON)
    for _ in range(4):
        ended(organization)
    for type, number in ERRORS.items():
        for _ in range(number):
            ended(organization, Status.FAILED, **failure({**ERROR, "type": type}))
    ended(organization, Status.CANCELLED, type="product")
    ended(other, type="secret_type")
    ended(other, Status.FAILED, type="secret_type", **failure({**ERROR, "type": "theirs_alone"}))
    outcomes_count()


def last_cells(page: Any, key: str) -> list[str]:
    """The numbers of today in a chart's table."""
    (chart,) = [chart for chart in page.context["charts"].days if chart.key == key]
    cells: list[str] = chart.rows[-1][1]
    return cells


def test_charts_show_the_days_and_have_tables(admin_browser, counted):
    page = admin_browser.get(HOME)
    assert last_cells(page, "ended") == ["5", "5", "1"]
    assert last_cells(page, "success") == ["50.0 %"]
    half, most = last_cells(page, "latency")
    assert half == most
    assert 9 <= float(half.removesuffix(" s")) <= 11
    assert last_cells(page, "cost") == ["$0.1100", "1,320", "0"]
    text = page.content.decode()
    assert text.count("<table") >= 5
    assert text.count('role="img"') == 4


def test_types_are_shown_by_how_often_they_were_used(admin_browser, counted):
    rows = admin_browser.get(HOME).context["charts"].types
    assert [(row.type, row.cells[:2]) for row in rows] == [
        ("article", ["8", "50.0 %"]),
        ("secret_type", ["2", "50.0 %"]),
        ("product", ["1", ""]),
    ]
    assert rows[0].url.endswith("?type=article")
    assert rows[0].said == "4 completed, 4 failed"


def test_errors_are_grouped_in_plain_words_and_lead_to_their_contexts(admin_browser, counted):
    page = admin_browser.get(HOME)
    shown = [(row.number, row.short, row.component) for row in page.context["errors"]]
    assert shown[0] == (3, "Rate limited", "ai_generator")
    assert sorted(shown[1:]) == [(1, "Theirs alone", "ai_generator"), (1, "Took too long", "ai_generator")]
    address = "?status=failed&amp;error=rate_limited&amp;component=ai_generator"
    assert address in page.content.decode()


def test_staff_of_an_organization_see_its_numbers_alone(person, other, organization, counted):
    theirs = person(Role.OPERATOR, other).get(HOME)
    assert last_cells(theirs, "ended") == ["1", "1", "0"]
    assert [row.short for row in theirs.context["errors"]] == ["Theirs alone"]
    ours = person(Role.OPERATOR, organization).get(HOME).content.decode()
    assert "secret_type" not in ours
    assert "Theirs alone" not in ours


def test_workers_and_providers_are_for_staff_of_draftline(admin_browser, person, organization):
    now = clock.now()
    live = Worker.objects.create(host="mill", pid=7, in_flight=3, version="1.2.3")
    Worker.objects.create(host="quiet", pid=8, heartbeat_at=now - timedelta(minutes=2))
    Worker.objects.create(host="gone", pid=9, state="stopped")
    cool = {"cool_until": (now + timedelta(minutes=5)).timestamp(), "shares": {live.pk: [2, 5, 0.0]}}
    Provider.objects.create(id="openai", state=cool)
    page = admin_browser.get(HOME)
    rows = {row.name: (row.state, row.in_flight, row.version) for row in page.context["workers"]}
    assert rows == {"mill:7": ("live", 3, "1.2.3"), "quiet:8": ("silent", 0, "")}
    ((provider, colour),) = page.context["providers"]
    assert (provider.state, colour, provider.calls, provider.wanted) == ("left alone", "warning", 2, 5)
    theirs = person(Role.OPERATOR, organization).get(HOME).content.decode()
    assert "mill" not in theirs
    assert "Model providers" not in theirs


def test_the_oldest_wait_is_told(admin_browser, organization):
    make_context(organization, created_at=clock.now() - timedelta(minutes=7))
    make_context(organization)
    assert admin_browser.get(HOME).context["cards"][0].note == "the oldest for 7 min"


def test_where_nothing_was_counted_the_page_says_so(admin_browser):
    text = admin_browser.get(HOME).content.decode()
    assert "Nothing has ended in the last 14 days." in text
    assert "Nothing is counted yet" in text


def test_what_failed_a_moment_ago_is_not_denied_before_it_is_counted(admin_browser, organization):
    it_is(NOON)
    outcomes_count()
    assert "Nothing has failed in the last 24 hours." in admin_browser.get(HOME).content.decode()
    ended(organization, Status.FAILED, ended_at=clock.now(), **failure(ERROR))
    page = admin_browser.get(HOME).content.decode()
    assert "Nothing has failed in the last 24 hours." not in page
    assert "What failed last is not counted yet" in page
    it_is(NOON + timedelta(minutes=2))
    outcomes_count()
    assert "not counted yet" not in admin_browser.get(HOME).content.decode()


def test_the_list_of_templates_tells_uses_and_success(admin_browser, person, organization, other):
    call_command("loadsamples", verbosity=0)
    it_is(NOON)
    for owner, status in ((organization, Status.COMPLETED), (organization, Status.FAILED), (other, Status.COMPLETED)):
        ended(owner, status, template_id="tmpl_article_technical")
    ended(organization, Status.CANCELLED, template_id="tmpl_article_technical", ended_at=NOON - timedelta(days=7))
    outcomes_count()

    def uses(browser: Any) -> dict[str, dict[str, str]]:
        rows = browser.get("/admin/templates_app/template/").context["cl"].result_list
        return {row.pk: row.column_texts for row in rows}

    shown = uses(admin_browser)
    assert shown.pop("tmpl_article_technical") == {"uses": "3", "success": "66.7 %"}
    assert shown
    assert all(texts == {"uses": "", "success": ""} for texts in shown.values())
    assert uses(person(Role.EDITOR, other))["tmpl_article_technical"] == {"uses": "1", "success": "100 %"}
    plans = plans_of(lambda: uses(admin_browser), "outcomes")
    assert len(plans) == 1
    assert_reads_an_index(plans, "outcomes_template")
    assert "Uses, 7 days" in admin_browser.get("/admin/templates_app/template/").content.decode()


def test_outcomes_are_read_from_their_indexes_by_a_few_queries(admin_browser, person, organization, counted):
    plans = plans_of(lambda: admin_browser.get(HOME), "outcomes", "contexts")
    assert len([plan for plan in plans if plan.table == "outcomes"]) == 2
    assert_reads_an_index([plan for plan in plans if plan.table == "outcomes"], "outcomes_time")
    theirs = person(Role.OPERATOR, organization)
    assert_reads_an_index(plans_of(lambda: theirs.get(HOME), "outcomes"), "outcomes_organization")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        admin_browser.get(HOME)
    assert len(queries) < 30
