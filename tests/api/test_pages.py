"""Pages of lists stay true while rows come and go."""

import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from urllib.parse import unquote

import pytest

from contexts.models import Batch, BatchState, Context
from tests.api.calls import paths_of
from tests.contexts.rows import make_context
from tests.templates_app.conftest import publish, structure_saying
from tests.templates_app.conftest import template as template


def rows_of(answer):
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def walk(api, address, towards, between=lambda: None):
    """Every page from here on, as ids; ``between`` runs before each further page."""
    pages = []
    while address:
        answer = api.get(address)
        pages.append(rows_of(answer))
        address = answer.json()[towards]
        between()
        assert len(pages) < 100
    return pages


def last_address(api, address):
    while following := api.get(address).json()["next"]:
        address = following
    return address


@pytest.mark.parametrize("towards", ["next", "previous"])
@pytest.mark.parametrize("seed", range(6))
def test_rows_that_stay_are_seen_once_and_in_order_while_others_come_and_go(api, organization, towards, seed):
    chance = random.Random(seed)
    ids = sorted((make_context(organization).pk for _ in range(14)), reverse=True)
    going = chance.sample(ids, 7)
    staying = [id for id in ids if id not in going]
    start = "/api/contexts?limit=3"
    # an address that was handed out before anything changed
    start = start if towards == "next" else last_address(api, start)

    def change():
        for _ in range(chance.randint(0, 3)):
            if going:
                Context.objects.filter(pk=going.pop()).delete()
        make_context(organization)

    pages = walk(api, start, towards, change)
    seen = [id for page in (pages if towards == "next" else reversed(pages)) for id in page]
    assert [id for id in seen if id in staying] == staying
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen, reverse=True)


def test_from_a_page_that_turned_out_empty_the_way_back_misses_nothing(api, organization):
    ids = sorted((make_context(organization).pk for _ in range(4)), reverse=True)
    first = api.get("/api/contexts?limit=2")
    Context.objects.filter(pk__in=ids[2:]).delete()
    empty = api.get(first.json()["next"])
    assert rows_of(empty) == []
    assert empty.json()["next"] is None
    assert rows_of(api.get(empty.json()["previous"])) == ids[:2]


def test_from_an_empty_page_the_way_on_misses_nothing_either(api, organization):
    ids = sorted((make_context(organization).pk for _ in range(4)), reverse=True)
    second = api.get(api.get("/api/contexts?limit=2").json()["next"])
    Context.objects.filter(pk__in=ids[:2]).delete()
    empty = api.get(second.json()["previous"])
    assert rows_of(empty) == []
    assert empty.json()["previous"] is None
    assert rows_of(api.get(empty.json()["next"])) == ids[2:]


def test_to_and_fro_shows_the_same_pages(api, organization):
    for _ in range(7):
        make_context(organization)
    there = walk(api, "/api/contexts?limit=3", "next")
    back = walk(api, last_address(api, "/api/contexts?limit=3"), "previous")
    assert sorted(id for page in back for id in page) == sorted(id for page in there for id in page)
    assert api.get(last_address(api, "/api/contexts?limit=3")).json()["next"] is None
    assert [len(page) for page in there] == [3, 3, 1]


def test_versions_are_walked_by_number_not_by_text(api, template):
    for number in range(12):
        publish(template, structure_saying(str(number)))
    pages = walk(api, f"/api/templates/{template.pk}/versions?limit=5", "next")
    assert [id.rpartition(".v")[2] for page in pages for id in page] == [str(number) for number in range(12, 0, -1)]


def test_a_cursor_is_of_its_list_and_filter(api, organization):
    for _ in range(3):
        make_context(organization)
        Batch.objects.create(organization=organization, state=BatchState.ACCEPTED, total=0)
    cursor = api.get("/api/contexts?limit=1&type=article").json()["next"].partition("cursor=")[2].partition("&")[0]
    for other in ("/api/contexts?", "/api/contexts?type=report&", "/api/contexts?type=article&q=x&", "/api/batches?"):
        answer = api.get(f"{other}cursor={cursor}")
        assert paths_of(answer) == ["?cursor"]
        assert "another" in answer.json()["detail"]
    for same in ("limit=2&type=article", "type=article", "type=article&fields=id"):
        assert api.get(f"/api/contexts?{same}&cursor={cursor}").status_code == 200


@pytest.mark.parametrize("text", ["", "x", "a b c", "a lt", "x lt \x00", "x up y", "a b c d", "\ud800"])
def test_what_is_no_cursor_of_ours_is_refused(api, text):
    encoded = urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode()
    assert paths_of(api.get("/api/contexts", {"cursor": encoded})) == ["?cursor"]
    assert paths_of(api.get("/api/contexts?cursor=%ed%a0%80")) == ["?cursor"]


@pytest.mark.parametrize("key", ["x", "9" * 30, "-1e5", "1.5"])
def test_a_forged_number_in_a_cursor_is_refused(api, template, key):
    for number in range(2):
        publish(template, structure_saying(str(number)))
    address = f"/api/templates/{template.pk}/versions"
    encoded = api.get(f"{address}?limit=1").json()["next"].partition("cursor=")[2].partition("&")[0]
    of = urlsafe_b64decode(unquote(encoded)).decode().split(" ")[0]
    forged = urlsafe_b64encode(f"{of} lt {key}".encode()).decode()
    assert paths_of(api.get(address, {"cursor": forged})) == ["?cursor"]
