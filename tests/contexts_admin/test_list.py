"""The list of contexts: what it shows, finds and filters, and what it never asks the database."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils.http import urlencode

from base import clock
from contexts.admin.bulk_form import selection_of
from contexts.batches import batch_submit
from contexts.bulk.models import BulkAction
from contexts.bulk.operations import movable
from contexts.models import Batch, BatchState, Context
from contexts.services import context_cancel
from contexts.states import Status
from contexts.submission import Submitter
from tests.contexts.rows import ERROR, ran_context
from tests.fakes.openai_server import refusal
from tests.plans import assert_reads_an_index, is_count, plans_of
from users.access import Role

pytestmark = pytest.mark.django_db
LIST = "/admin/contexts/context/"


def shown(browser, **query) -> list[str]:
    """Return the ids on the first page, as they come."""
    response = browser.get(LIST, query)
    assert response.status_code == 200
    return [context.pk for context in response.context["cl"].result_list]


def test_the_newest_stand_first_and_no_address_changes_that(admin_browser, submit):
    ids = [submit(title=f"Number {number}").pk for number in range(3)]
    assert shown(admin_browser) == ids[::-1]
    assert shown(admin_browser, o="6.2") == ids[::-1]


def test_held_rows_are_never_shown(admin_browser, submit):
    seen, held = submit(), submit()
    Context.objects.filter(pk=held.pk).update(status=Status.HELD)
    assert shown(admin_browser) == [seen.pk]
    assert admin_browser.get(f"{LIST}{held.pk}/change/").status_code == 404


def test_an_id_its_beginning_and_words_of_the_title_find_a_context(admin_browser, submit):
    whale, _tree = submit(title="The great whale"), submit(title="A tree")
    for words in (whale.pk, whale.pk[4:], whale.pk.lower(), "GREAT", "eat wha"):
        assert shown(admin_browser, q=words) == [whale.pk], words
    assert len(shown(admin_browser, q=whale.pk[:9])) == 2
    assert shown(admin_browser, q="ctx_0000") == shown(admin_browser, q="nothing of the kind") == []


@pytest.mark.parametrize("query", [{}, {"status": "failed"}, {"status": "open"}])
@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.OPERATOR])
def test_a_batch_is_listed_from_its_own_index(person, organization, role, query):
    browser = person(role, organization if role == Role.OPERATOR else None)
    plans = plans_of(lambda: shown(browser, batch="batch_a", **query), "contexts")
    assert_reads_an_index(plans, "contexts_batch_list")


def test_every_filter_narrows_the_list(admin_browser, submit, organization, other):
    plain = submit()
    cancelled = submit(other)
    context_cancel(cancelled.pk, organization_id=None)
    tutorial = submit(type="tutorial")
    batch, _ = batch_submit(
        [{"type": "article", "pipeline": ["template"], "data": {"title": "In a batch"}}],
        submitter=Submitter(organization.pk),
    )
    in_batch = Context.objects.get(batch=batch)
    assert shown(admin_browser, status="cancelled") == [cancelled.pk]
    assert cancelled.pk not in shown(admin_browser, status="open")
    assert shown(admin_browser, type="tutorial") == [tutorial.pk]
    assert shown(admin_browser, organization=other.pk) == [cancelled.pk]
    assert shown(admin_browser, batch=batch.pk) == [in_batch.pk]
    assert shown(admin_browser, status="pending", batch=batch.pk, type="article") == [in_batch.pk]
    assert plain.pk in shown(admin_browser, status="open")


def test_the_filter_by_day_takes_both_days_in(admin_browser, submit):
    context = submit()
    day = context.created_at
    before, after = (day - timedelta(days=1)).date(), (day + timedelta(days=1)).date()
    assert shown(admin_browser, created_at_from=day.date(), created_at_to=day.date()) == [context.pk]
    assert shown(admin_browser, created_at_to=before) == shown(admin_browser, created_at_from=after) == []
    for nonsense in ("yesterday", "0001-01-01", "9999-12-31"):
        assert shown(admin_browser, created_at_from=nonsense) == [context.pk]


def test_the_lists_never_count_a_table_or_read_the_data(admin_browser, submit):
    submit()
    for address in (LIST, f"{LIST}?q=Example&status=open", "/admin/contexts/batch/", "/admin/contexts/worker/"):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert admin_browser.get(address).status_code == 200
        statements = [query["sql"] for query in captured if re.search(r"contexts|batches|workers", query["sql"])]
        assert statements
        assert not [sql for sql in statements if is_count(sql)]
        assert not [sql for sql in statements if reads_the_data(sql)]


def reads_the_data(statement: str) -> bool:
    if statement.startswith("db.contexts.aggregate"):  # without a choice of fields MongoDB sends all
        return not re.search(r"\$project|\$group", statement) or "'data': 1" in statement
    return '"contexts"."data"' in statement or '"contexts"."step_runs"' in statement


def test_the_list_is_read_along_an_index(admin_browser, submit):
    submit()
    plans = plans_of(lambda: admin_browser.get(LIST), "contexts")
    assert plans
    for plan in plans:
        plan.assert_in_order()


def page_after(browser, address: str) -> tuple[list[str], dict[str, str]]:
    """Return the ids of a page, and where its links lead."""
    response = browser.get(LIST + address.removeprefix(LIST))
    shown_list = response.context["cl"]
    links = {"older": shown_list.older_url(), "newer": shown_list.newer_url(), "newest": shown_list.newest_url()}
    return [context.pk for context in shown_list.result_list], links


def test_pages_begin_next_to_an_id_and_nothing_new_shifts_them(admin_browser, submit, monkeypatch):
    monkeypatch.setattr("contexts.admin.contexts.ContextAdmin.list_per_page", 2)
    oldest_first = [submit(title=f"Number {n}").pk for n in range(5)]
    a, b, c, d, e = oldest_first[::-1]
    first, links = page_after(admin_browser, "?q=number")
    assert (first, links["newer"], links["newest"]) == ([a, b], "", "")
    submit(title="Number new")
    second, links = page_after(admin_browser, links["older"])
    assert second == [c, d]
    third, links = page_after(admin_browser, links["older"])
    assert (third, links["older"]) == ([e], "")
    back, links = page_after(admin_browser, links["newer"])
    assert back == [c, d]
    assert "q=number" in links["newest"]
    first_again, _ = page_after(admin_browser, links["newer"])
    assert first_again == [a, b]


def test_a_page_skips_no_rows_and_counts_none(admin_browser, submit, monkeypatch):
    monkeypatch.setattr("contexts.admin.contexts.ContextAdmin.list_per_page", 2)
    ids = [submit().pk for _ in range(3)]
    with CaptureQueriesContext(connection) as captured:
        assert shown(admin_browser, before=ids[1]) == [ids[0]]
    statements = [query["sql"] for query in captured if re.search("contexts", query["sql"])]
    assert statements
    assert not [sql for sql in statements if re.search(r"OFFSET|\$skip", sql) or is_count(sql)]
    assert " results" not in admin_browser.get(LIST).content.decode()  # how many stand on a page tells nothing
    assert shown(admin_browser, before="a nonsense") == shown(admin_browser, after="zzz") == []


def test_a_wide_search_looks_at_a_bounded_part_and_goes_on(admin_browser, submit, monkeypatch):
    monkeypatch.setattr("contexts.admin.context_list.LOOKED_AT", 2)
    whale = submit(title="A whale").pk
    trees = [submit(title="A tree").pk for _ in range(4)]
    found, links = page_after(admin_browser, "?q=whale")
    assert found == []
    page = admin_browser.get(f"{LIST}?q=whale").content.decode()
    assert "Looked through the contexts back to" in page
    found, links = page_after(admin_browser, links["older"])
    assert found == []
    found, links = page_after(admin_browser, links["older"])
    assert (found, links["older"]) == ([whale], "")
    assert shown(admin_browser, q=trees[0]) == [trees[0]]  # an id has an index, however old


def test_a_rare_type_is_looked_for_in_bounded_parts_unless_an_index_leads_to_it(
    admin_browser, submit, organization, monkeypatch
):
    monkeypatch.setattr("contexts.admin.context_list.LOOKED_AT", 2)
    poem = submit(type="poem").pk
    for _ in range(2):
        submit()
    assert shown(admin_browser, type="poem") == []
    _, links = page_after(admin_browser, "?type=poem&status=pending")
    assert page_after(admin_browser, links["older"])[0] == [poem]
    assert shown(admin_browser, type="poem", organization=organization.pk) == [poem]


def test_a_batch_is_found_by_its_id_and_its_name(admin_browser, submit, organization):
    submit(title="Not in it")
    batch, _ = batch_submit(
        [{"type": "article", "pipeline": ["template"], "data": {"title": "In a batch"}}],
        submitter=Submitter(organization.pk),
        name="Autumn campaign",
    )
    ids = [Context.objects.get(batch=batch).pk]
    for words in (batch.pk, batch.pk[:12], batch.pk.lower(), "autumn"):
        assert shown(admin_browser, q=words) == ids, words
    assert shown(admin_browser, q="batch_0000") == []


def test_what_a_client_noted_finds_a_context(admin_browser, submit):
    wish = {"order": 4711, "shop": {"id": "north", "in": 3, "a__gt": "y"}, "in": "x", "express": True, "parts": ["p"]}
    noted, other_one = submit(), submit()
    Context.objects.filter(pk=noted.pk).update(metadata=wish)
    Context.objects.filter(pk=other_one.pk).update(metadata={"order": "4712", "shop": {"id": "south"}})
    for words in ("order=4711", "shop.id=north", "in=x", "express=true", "shop.in=3", "shop.a__gt=y", "parts.0=p"):
        assert shown(admin_browser, q=words) == [noted.pk], words
    assert shown(admin_browser, q="order=4712") == [other_one.pk]
    assert shown(admin_browser, q="order=47") == shown(admin_browser, q="shop=north") == []
    assert shown(admin_browser, q="order.isnull=true") == shown(admin_browser, q="order__gt=1") == []


def test_failed_contexts_are_found_by_error_step_template_and_pipeline(admin_browser, organization):
    refused = ran_context(organization, Status.FAILED, ["template"], error={**ERROR, "type": "model_refusal"})
    limited = ran_context(organization, Status.FAILED, ["template"], error={**ERROR, "component": "media#2"})
    Context.objects.filter(pk=refused.pk).update(template_id="tmpl_a", pipeline_id="pipe_a")
    again = ran_context(organization, Status.RETRYING, ["template"], error=ERROR)
    assert shown(admin_browser, error="model_refusal") == [refused.pk]
    assert shown(admin_browser, error="rate_limited") == [limited.pk]
    assert shown(admin_browser, error="rate_limited", status="retrying") == [again.pk]
    assert shown(admin_browser, error="rate_limited", status="open") == [again.pk]
    assert shown(admin_browser, component="media#2") == [limited.pk]
    assert shown(admin_browser, component="ai_generator", error="model_refusal") == [refused.pk]
    assert shown(admin_browser, template="tmpl_a") == shown(admin_browser, pipeline="pipe_a") == [refused.pk]
    assert shown(admin_browser, template="tmpl_b") == []


def test_the_list_says_which_contexts_it_shows(person, organization):
    browser = person(Role.AUDITOR, organization)
    asked = {"error": "template_not_found", "component": "template", "q": "a<b"}
    page = browser.get(LIST, asked).content.decode()
    assert "Only contexts with: failed with “No template”, failed at template, found by “a&lt;b”." in page
    assert "Only contexts with" not in browser.get(LIST).content.decode()


FILTERS = [
    {"error": "rate_limited"},
    {"component": "media#2", "status": "failed"},
    {"template": "tmpl_a", "q": "article"},
    {"pipeline": "pipe_a", "type": "article"},
    {"q": "order=1"},
    {"status": "failed", "q": "autumn"},
]


@pytest.mark.parametrize("asked", FILTERS, ids=str)
def test_an_operation_on_many_means_what_the_list_shows(admin_browser, organization, asked):
    for error in (ERROR, {**ERROR, "component": "media#2"}):
        for template in ("tmpl_a", "tmpl_b"):
            row = ran_context(organization, Status.FAILED, ["template"], error=error, metadata={"order": 1})
            Context.objects.filter(pk=row.pk).update(template_id=template, pipeline_id=template.replace("tmpl", "pipe"))
    query = QueryDict(urlencode(asked))
    meant = movable(BulkAction.RETRY, selection_of(query, None)).values_list("pk", flat=True)
    assert sorted(meant) == sorted(shown(admin_browser, **asked))
    assert bool(meant) == ("autumn" not in asked.values())


def test_staff_of_one_organization_see_its_contexts_only(person, submit, organization, other):
    own, theirs = submit(), submit(other)
    browser = person(Role.OPERATOR, organization)
    assert shown(browser) == [own.pk]
    assert shown(browser, organization=other.pk) == [own.pk]
    assert theirs.pk not in shown(browser, q=theirs.pk)
    assert browser.get(f"{LIST}{own.pk}/change/").status_code == 200
    for page in ("change", "revision", "retry", "cancel"):
        address = f"{LIST}{theirs.pk}/{page}/"
        answer = browser.post(address) if page in ("retry", "cancel") else browser.get(address)
        assert answer.status_code == 404, page
    browser.post(LIST, {"action": "cancel_selected", "_selected_action": [own.pk, theirs.pk]})
    own.refresh_from_db()
    theirs.refresh_from_db()
    assert (own.status, theirs.status) == (Status.CANCELLED, Status.PENDING)


def test_a_selection_is_cancelled_and_what_cannot_be_is_told(operator, submit):
    open_one, ended = submit(), submit()
    context_cancel(ended.pk, organization_id=None)
    page = operator.post(
        LIST, {"action": "cancel_selected", "_selected_action": [open_one.pk, ended.pk]}, follow=True
    ).content.decode()
    open_one.refresh_from_db()
    assert open_one.status == Status.CANCELLED
    assert "1 context is cancelled." in page
    assert f"1 was left as it is: {ended.pk} is cancelled; only a context that has not ended can be cancelled." in page


def test_a_selection_never_means_the_whole_list(operator, submit):
    ticked, unticked = submit(), submit()
    operator.post(LIST, {"action": "cancel_selected", "_selected_action": [ticked.pk], "select_across": "1"})
    unticked.refresh_from_db()
    assert unticked.status == Status.PENDING


@pytest.mark.django_db(transaction=True)
def test_a_selection_of_failed_contexts_is_set_going_again(operator, worked, submit):
    failed = [worked(refusal()) for _ in range(2)]
    waiting = submit()
    ids = [context.pk for context in (*failed, waiting)]
    page = operator.post(LIST, {"action": "retry_selected", "_selected_action": ids}, follow=True).content.decode()
    assert {Context.objects.get(pk=context.pk).status for context in failed} == {Status.RETRYING}
    assert "2 contexts are set going again." in page
    assert f"{waiting.pk} is pending; only a failed context can be retried." in page


@pytest.mark.django_db(transaction=True)
def test_a_failed_context_shows_its_step_and_a_short_reason(admin_browser, worked):
    worked(refusal())
    page = admin_browser.get(LIST).content.decode()
    assert "ai_generator" in page
    assert "Model refused" in page
    assert "failed" in page


@pytest.mark.parametrize("role", [Role.EDITOR, Role.AUDITOR])
def test_those_who_only_look_are_offered_no_actions(role, person, submit):
    context = submit()
    browser = person(role)
    page = browser.get(LIST).content.decode()
    assert context.pk in page
    assert "cancel_selected" not in page
    browser.post(LIST, {"action": "cancel_selected", "_selected_action": [context.pk]})
    context.refresh_from_db()
    assert context.status == Status.PENDING


def test_clients_cannot_enter_and_nobody_adds_or_deletes(person, admin_browser, submit):
    context = submit()
    assert person(Role.CLIENT).get(LIST).status_code == 302
    assert admin_browser.get(f"{LIST}add/").status_code == 403
    assert admin_browser.post(f"{LIST}{context.pk}/delete/", {"post": "yes"}).status_code == 403
    admin_browser.post(LIST, {"action": "delete_selected", "_selected_action": [context.pk], "post": "yes"})
    assert Context.objects.filter(pk=context.pk).exists()


def test_a_title_with_markup_is_shown_as_text(admin_browser, submit):
    submit(title="<script>alert(1)</script>")
    page = admin_browser.get(LIST).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_batches_that_were_not_accepted_are_not_shown(admin_browser, organization):
    now = clock.now()
    Batch.objects.create(id="batch_a", organization=organization, state=BatchState.ACCEPTING, created_at=now)
    assert admin_browser.get("/admin/contexts/batch/batch_a/change/").status_code == 404
