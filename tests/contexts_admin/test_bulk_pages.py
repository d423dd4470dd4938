"""Operations on many: the same contexts as the list shows, counted and confirmed, followed to their end."""

import re
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.http import QueryDict
from django.test import Client

from contexts.admin.bulk_form import selection_of
from contexts.bulk.models import BulkAction, BulkOperation, BulkState
from contexts.bulk.operations import movable
from contexts.bulk.turn import take_turn, work_at
from contexts.models import Context
from contexts.states import Status
from tests.contexts.rows import STEPS, make_context, ran_context
from tests.plans import is_count, plans_of
from users.access import Role

pytestmark = pytest.mark.django_db
LIST, MANY = "/admin/contexts/context/", "/admin/contexts/bulkoperation/"


@pytest.fixture
def failed(organization) -> list[Context]:
    return [ran_context(organization, Status.FAILED, STEPS[:2], title=f"Number {n}") for n in range(3)]


def confirmation(browser: Client, action: str = "retry", **query: str) -> str:
    response = browser.get(f"{MANY}new/", {"action": action, **query})
    assert response.status_code == 200
    text: str = response.content.decode()
    return text


def sent(page: str, **fields: Any) -> dict[str, Any]:
    """What a browser would send of the confirmation."""
    hidden = dict(re.findall(r'<input type="hidden" name="(operation|action|query)" value="([^"]*)"', page))
    query, from_step = hidden["query"].replace("&amp;", "&"), fields.pop("from_step", "failed")
    return {**hidden, "query": query, "from": from_step, "trial": "0"} | fields


def begun(browser: Client, action: str = "retry", query: dict[str, Any] | None = None, **fields: Any) -> BulkOperation:
    response = browser.post(f"{MANY}new/", sent(confirmation(browser, action, **(query or {})), **fields))
    assert response.status_code == 302, response.content.decode()
    return BulkOperation.objects.get()


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"status": "failed"},
        {"status": "open"},
        {"status": "cancelled"},
        {"type": "poem"},
        {"organization": "org_other"},
        {"batch": "batch_a"},
        {"q": "whale"},
        {"q": "ctx_0"},
        {"q": "BEGINNING"},
        {"created_at_from": "2023-05-15", "created_at_to": "2023-05-15"},
        {"created_at_from": "nonsense", "created_at_to": "0001-01-01"},
        {"type": "poem", "status": "failed", "q": "whale", "organization": "org_test"},
        {"p": "2", "o": "1", "all": ""},
    ],
    ids=str,
)
@pytest.mark.parametrize("role", ["staff", "member"])
def test_it_means_what_the_list_shows(person, organization, other, query, role):
    for owner in (organization, other):
        for status in (Status.FAILED, Status.PENDING, Status.CANCELLED, Status.HELD):
            ran_context(owner, status, STEPS[:1], title="A whale", type="poem")
            ran_context(owner, status, STEPS[:1])
    beginning = Context.objects.order_by("pk")[1].pk[4:24]
    query = {name: value.replace("BEGINNING", beginning) for name, value in query.items()}
    browser = person(Role.OPERATOR, organization if role == "member" else None)
    response = browser.get(LIST, {name: value for name, value in query.items() if name != "p"}, follow=True)
    listed = {row.pk: row.status for row in response.context["cl"].result_list}
    selection = selection_of(_query(query), organization.pk if role == "member" else None)
    for action, wanted in ((BulkAction.RETRY, ["failed"]), (BulkAction.CANCEL, ["pending", "processing", "retrying"])):
        expected = {pk for pk, status in listed.items() if status in wanted}
        assert set(movable(action, selection).values_list("pk", flat=True)) == expected, (action, query)


def _query(values: dict[str, str]) -> QueryDict:
    query = QueryDict(mutable=True)
    query.update(values)
    return query


def test_the_list_leads_to_it_with_its_filter(operator, failed):
    page = operator.get(LIST, {"status": "failed", "q": "Number"}).content.decode()
    assert "bulkoperation/new/?action=retry&amp;status=failed&amp;q=Number" in page


def test_it_counts_prices_and_names_what_is_meant(operator, failed, organization):
    make_context(organization)
    failed[0].step_runs[-1] |= {"input_tokens": 100, "output_tokens": 50, "cost_usd": 0.25}
    failed[0].save()
    page = confirmation(operator, q="number")
    assert "3 contexts can be retried" in page
    assert "found by “number”" in page
    assert "Number 0" in page
    assert "$0.2500" in page
    assert "fail again" in page
    cancelling = confirmation(operator, "cancel")
    assert "1 context can be cancelled" in cancelling
    assert "fail again" not in cancelling
    assert "0 contexts can be retried" in confirmation(operator, status="completed")


def test_it_is_confirmed_and_followed_to_its_end(operator, failed):
    operation = begun(operator, why="  the key is mended ", from_step="start")
    page = operator.get(f"{MANY}{operation.pk}/change/").content.decode()
    assert "data-live" in page
    assert "0 of 3 contexts" in page
    take_turn(seconds=5)
    page = operator.get(f"{MANY}{operation.pk}/change/").content.decode()
    assert "data-live" not in page
    assert "3 of 3 contexts" in page
    assert "the key is mended" in page
    context = operator.get(f"{LIST}{failed[0].pk}/change/").content.decode()
    assert "retried from the start" in context
    assert f"{MANY}{operation.pk.replace('_', '_5F')}/change/" in context
    assert "Retry many from the start" in operator.get(MANY).content.decode()


def test_a_second_click_begins_nothing_new(operator, failed):
    form = sent(confirmation(operator))
    addresses = {operator.post(f"{MANY}new/", form)["Location"] for _ in range(2)}
    assert len(addresses) == 1
    assert BulkOperation.objects.count() == 1


def test_a_second_person_sees_what_is_at_work_already(operator, failed, person, organization):
    operation = begun(operator, query={"q": "number"})
    second = confirmation(person(Role.OPERATOR, organization))
    assert "At work already" not in second  # it is of staff of Draftline
    second = confirmation(person(Role.ADMINISTRATOR))
    assert f"/{quote(operation.pk)}/change/" in second
    assert "found by “number”; 0 of 3 contexts" in second
    take_turn(seconds=5)
    assert "At work already" not in confirmation(operator)


def test_what_was_left_alone_is_told_with_its_reason(operator, failed, organization):
    ran_context(organization, Status.FAILED, [])
    operation = begun(operator, from_step="ai_generator")
    take_turn(seconds=5)
    page = operator.get(f"{MANY}{operation.pk}/change/").content.decode()
    assert "was not reached" in page


def work_until(state: BulkState) -> None:
    """Take a few steps, however long they take, until the one operation stands where it should."""
    for _ in range(5):
        if (operation := BulkOperation.objects.get()).state == state:
            return
        work_at(operation)
    raise AssertionError(f"it is {operation.state}, not {state}")


def test_a_trial_is_shown_and_a_person_goes_on_or_stops(operator, failed):
    operation = begun(operator, trial="1", most_failed_percent="50")
    work_until(BulkState.WATCHING)
    Context.objects.filter(pk__in=BulkOperation.objects.get().trial_ids).update(status=Status.COMPLETED)
    work_until(BulkState.ASKING)
    page = operator.get(f"{MANY}{operation.pk}/change/").content.decode()
    assert "It goes on when you say so" in page
    assert "completed" in page
    assert "It goes on with the rest" in operator.post(f"{MANY}{operation.pk}/go-on/", follow=True).content.decode()
    assert "is stopped" in operator.post(f"{MANY}{operation.pk}/stop/", follow=True).content.decode()
    operation.refresh_from_db()
    assert (operation.state, operation.stopped_because) == (BulkState.STOPPED, f"{operation.user_name} stopped it")
    assert "has ended already" in operator.post(f"{MANY}{operation.pk}/stop/", follow=True).content.decode()


@pytest.mark.parametrize(
    "fields",
    [
        {"trial": "many"},
        {"trial": "101"},
        {"trial": "-1"},
        {"most_failed_percent": "٣"},
        {"why": "x" * 501},
        {"why": "\x00"},
        {"from": "\x00"},
    ],
    ids=["no-number", "too-many", "negative", "another-script", "long", "nul", "nul-step"],
)
def test_what_will_not_do_is_said_and_nothing_begins(operator, failed, fields):
    response = operator.post(f"{MANY}new/", sent(confirmation(operator), **fields))
    assert response.status_code == 200
    assert not BulkOperation.objects.exists()


@pytest.mark.parametrize("query", [{"action": "delete"}, {"action": "retry", "type": "x" * 51}, {}], ids=str)
def test_nonsense_leads_back_to_the_list(operator, failed, query):
    assert operator.get(f"{MANY}new/", query)["Location"] == LIST
    assert operator.post(f"{MANY}new/", {"query": "", "action": "delete"})["Location"] == LIST


def test_another_s_id_cannot_be_taken_over(person, organization, other):
    ran_context(organization, Status.FAILED, STEPS[:1])
    ran_context(other, Status.FAILED, STEPS[:1])
    theirs = begun(person(Role.OPERATOR, other))
    browser = person(Role.OPERATOR, organization)
    response = browser.post(f"{MANY}new/", sent(confirmation(browser), operation=theirs.pk))
    assert response.status_code == 200
    assert "There is no such operation" in response.content.decode()


def test_staff_of_one_organization_mean_and_see_its_own_only(person, organization, other):
    own, theirs = (ran_context(owner, Status.FAILED, STEPS[:1]) for owner in (organization, other))
    browser = person(Role.OPERATOR, organization)
    operation = begun(browser, query={"organization": other.pk})
    take_turn(seconds=5)
    own.refresh_from_db()
    theirs.refresh_from_db()
    assert (own.status, theirs.status) == (Status.RETRYING, Status.FAILED)
    stranger = person(Role.ADMINISTRATOR, other)
    assert operation.pk not in stranger.get(MANY).content.decode()
    for page in ("change", "go-on", "stop"):
        address = f"{MANY}{operation.pk}/{page}/"
        assert (stranger.get(address) if page == "change" else stranger.post(address)).status_code == 404


def test_the_history_of_a_context_tells_of_it_and_leads_whoever_may_see_it_there(person, organization):
    context = ran_context(organization, Status.FAILED, STEPS[:1])
    operation = begun(person(Role.OPERATOR), why="The outage is over")
    take_turn(seconds=5)
    for browser, leads_there in ((person(Role.AUDITOR), True), (person(Role.AUDITOR, organization), False)):
        for name in ("change", "history"):
            page = browser.get(f"{LIST}{context.pk}/{name}/").content.decode()
            assert "The outage is over" in page
            assert "with many others" in page
            assert (quote(operation.pk) in page) == leads_there
            assert "have a change history" not in page


@pytest.mark.parametrize("role", [Role.EDITOR, Role.AUDITOR])
def test_those_who_only_look_begin_and_stop_nothing(role, person, operator, failed):
    operation = begun(operator)
    browser = person(role)
    assert "bulkoperation/new" not in browser.get(LIST).content.decode()
    assert browser.get(f"{MANY}new/", {"action": "retry"}).status_code == 403
    assert browser.post(f"{MANY}new/", {"action": "retry"}).status_code == 403
    page = browser.get(f"{MANY}{operation.pk}/change/").content.decode()
    assert "/stop/" not in page
    for move in ("go-on", "stop"):
        assert browser.post(f"{MANY}{operation.pk}/{move}/").status_code == 403


@pytest.mark.parametrize("page", ["new/?action=retry", "{id}/change/", ""], ids=["new", "one", "list"])
def test_the_pages_count_no_further_than_they_say(operator, failed, page):
    address = MANY + page.format(id=begun(operator).pk)
    for plan in plans_of(lambda: operator.get(address), "contexts", "bulk_operations"):
        assert not is_count(plan.query) or "LIMIT" in plan.query or "$limit" in plan.query, plan.query
