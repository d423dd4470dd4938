"""Making and changing templates over HTTP: what is stored, who may, and what two editors at once do to each other."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from templates_app.models import Template, TemplateVersion
from templates_app.selection import template_select
from templates_app.services import draft_save, template_change
from tests.api.calls import client_of, paths_of, post, problem_of
from tests.templates_app.conftest import STRUCTURE, publish, structure_saying
from users.models import Organization

NEW = {"name": "Mail to a friend", "type": "mail", "tone": "warm", "tags": ["short"]}


@pytest.fixture
def own(organization, make) -> Template:
    """A template of the caller's own organization, with a published version."""
    made: Template = make("tmpl_own", organization=organization, tone="warm")
    return made


def send(api, method, path, body=None, **headers):
    content = json.dumps(body) if body is not None else ""
    return getattr(api, method)(f"/api/templates{path}", content, content_type="application/json", headers=headers)


def put_draft(api, text, **headers):
    return send(api, "put", "/tmpl_own/draft", {"structure": structure_saying(text), "note": text}, **headers)


def test_a_template_goes_from_nothing_to_live(api, organization):
    made = post(api, "/api/templates", NEW)
    assert made.status_code == 201, made.content
    path = made["Location"].removeprefix("/api/templates")
    document = made.json()
    assert {key: document[key] for key in NEW} == NEW
    assert (document["organization_id"], document["version"], document["is_active"]) == (organization.pk, None, True)
    assert send(api, "put", f"{path}/draft", {"structure": STRUCTURE}).json()["structure"] == STRUCTURE
    published = send(api, "post", f"{path}/publish", {"note": "First"})
    assert published.status_code == 200
    assert (published.json()["number"], published.json()["note"]) == (1, "First")
    assert template_select(organization_id=organization.pk, type="mail", tone="warm").structure == STRUCTURE
    assert api.get(f"/api/templates{path}/versions/1").json() == published.json()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": ""}, "/name"),
        ({"name": None}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"type": "Not A Slug"}, "/type"),
        ({"tone": 3}, "/tone"),
        ({"tags": "a"}, "/tags"),
        ({"tags": ["a", ""]}, "/tags/1"),
        ({"tags": ["x"] * 51}, "/tags"),
        ({"is_active": "yes"}, "/is_active"),
        ({"description": "x" * 10_001}, "/description"),
        ({"id": "tmpl_mine"}, "/id"),
        ({"organization_id": None}, "/organization_id"),
        ({"structure": STRUCTURE}, "/structure"),
    ],
    ids=str,
)
def test_what_does_not_fit_a_template_is_named(api, own, change, place):
    assert paths_of(post(api, "/api/templates", {**NEW, **change})) == [place]
    assert paths_of(send(api, "patch", "/tmpl_own", change)) == [place]
    assert Template.objects.count() == 1
    assert Template.objects.get().updated_at == own.updated_at


@pytest.mark.parametrize("body", [None, [], "x", 3])
def test_a_body_that_is_no_object_is_refused(api, own, body):
    for method, path in [("post", ""), ("put", "/tmpl_own/draft"), ("post", "/tmpl_own/roll-back")]:
        assert send(api, method, path, body).status_code == 400


def test_a_patch_changes_what_it_names_and_null_takes_it_back(api, own):
    document = send(api, "patch", "/tmpl_own", {"tone": "cool", "tags": ["a"]}).json()
    assert (document["tone"], document["tags"], document["name"]) == ("cool", ["a"], "tmpl_own")
    document = send(api, "patch", "/tmpl_own", {"tone": None, "tags": None}).json()
    assert (document["tone"], document["tags"]) == ("", [])
    assert document["updated_at"] > document["created_at"]
    same = send(api, "patch", "/tmpl_own", {})
    assert same.json() == document


def test_a_new_default_takes_the_place_of_the_former_one(api, own, organization, make):
    make("tmpl_former", organization=organization, is_default=True)
    make("tmpl_shared", is_default=True)
    assert send(api, "patch", "/tmpl_own", {"is_default": True}).status_code == 200
    assert set(Template.objects.filter(is_default=True).values_list("pk", flat=True)) == {"tmpl_own", "tmpl_shared"}


@pytest.mark.parametrize(
    ("structure", "place"),
    [
        ({"sections": []}, "/structure/sections"),
        ({"sections": [{"type": "body"}]}, "/structure/sections/0/instructions"),
        ({"sections": [{"type": "Body", "instructions": "x"}]}, "/structure/sections/0/type"),
        ({"sections": [{"type": "body", "instructions": "x", "more": 1}]}, "/structure/sections/0/more"),
        (None, "/structure"),
    ],
    ids=str,
)
def test_each_fault_of_a_text_is_named(api, own, structure, place):
    assert place in paths_of(send(api, "put", "/tmpl_own/draft", {"structure": structure}))
    assert not TemplateVersion.objects.filter(published_at=None).exists()


def test_a_draft_may_be_unfinished_but_is_not_published_so(api, own):
    assert put_draft(api, "{% if").status_code == 200
    assert paths_of(send(api, "post", "/tmpl_own/publish")) == ["/structure/sections/0/instructions"]
    assert api.get("/api/templates/tmpl_own").json()["version"] == 1


def test_a_template_without_a_draft_has_nothing_to_publish_or_read(api, own):
    problem_of(send(api, "post", "/tmpl_own/publish"), 409)
    problem_of(api.get("/api/templates/tmpl_own/draft"), 404)
    assert send(api, "delete", "/tmpl_own/draft").status_code == 204


def test_rolling_back_makes_an_old_text_live_once(api, own):
    publish(own, structure_saying("two"))
    answer = send(api, "post", "/tmpl_own/roll-back", {"version": 1, "note": "Better"})
    assert answer.status_code == 200
    assert (answer.json()["number"], answer.json()["note"], answer.json()["structure"]) == (3, "Better", STRUCTURE)
    problem_of(send(api, "post", "/tmpl_own/roll-back", {"version": 1}), 409)
    problem_of(send(api, "post", "/tmpl_own/roll-back", {"version": 9}), 404)
    assert paths_of(send(api, "post", "/tmpl_own/roll-back", {"version": 0})) == ["/version"]
    assert paths_of(send(api, "post", "/tmpl_own/roll-back", {"version": 2**70})) != []
    assert TemplateVersion.objects.count() == 3


@pytest.mark.parametrize("number", ["2", "99999999999999999999", "1e3", "-1", "x" * 5000])
def test_a_version_that_is_not_there_is_not_found(api, own, number):
    problem_of(api.get(f"/api/templates/tmpl_own/versions/{number}"), 404)


def test_a_draft_is_shown_to_those_who_may_write_only(organization, own):
    draft_save(own, structure=structure_saying("secret"))
    reader = client_of(organization, "templates:read")
    problem_of(reader.get("/api/templates/tmpl_own/versions/2"), 404)
    problem_of(reader.get("/api/templates/tmpl_own/draft"), 403)
    assert client_of(organization, "templates:read", "templates:write").get(
        "/api/templates/tmpl_own/versions/2"
    ).json()["structure"] == structure_saying("secret")


WRITES = [
    ("patch", "", {"tone": "x"}),
    ("put", "/draft", {"structure": STRUCTURE}),
    ("delete", "/draft", None),
    ("post", "/publish", {}),
    ("post", "/roll-back", {"version": 1}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_shared_templates_are_for_staff_and_those_of_others_do_not_exist(api, make, administrator, method, path, body):
    make("tmpl_shared")
    make("tmpl_theirs", organization=Organization.objects.create(id="org_other", name="Other"))
    before = list(TemplateVersion.objects.values())
    assert "staff" in problem_of(send(api, method, f"/tmpl_shared{path}", body), 403)["detail"]
    problem_of(send(api, method, f"/tmpl_theirs{path}", body), 404)
    assert list(TemplateVersion.objects.values()) == before
    api.credentials()
    api.force_login(administrator)
    assert send(api, method, f"/tmpl_shared{path}", body).status_code in (200, 204, 409)


def test_staff_make_shared_templates_once_per_key(api, administrator):
    api.credentials()
    api.force_login(administrator)
    first, again = (post(api, "/api/templates", NEW, **{"Idempotency-Key": "a"}) for _ in range(2))
    assert first.json()["organization_id"] is None
    assert again.json()["id"] == first.json()["id"]


def test_who_has_not_seen_the_present_template_changes_nothing(api, own):
    seen = api.get("/api/templates/tmpl_own")["ETag"]
    mine = send(api, "patch", "/tmpl_own", {"tone": "mine"}, **{"If-Match": seen})
    assert mine.status_code == 200
    assert mine["ETag"] == api.get("/api/templates/tmpl_own")["ETag"] != seen
    problem_of(send(api, "patch", "/tmpl_own", {"tone": "theirs"}, **{"If-Match": seen}), 412)
    problem_of(send(api, "post", "/tmpl_own/roll-back", {"version": 1}, **{"If-Match": seen}), 412)
    assert send(api, "patch", "/tmpl_own", {"tone": "any"}, **{"If-Match": f'"x", W/{mine["ETag"]}'}).status_code == 200
    assert send(api, "patch", "/tmpl_own", {"tone": "any"}, **{"If-Match": "*"}).status_code == 200


def test_who_has_not_seen_the_present_draft_changes_nothing(api, own):
    problem_of(put_draft(api, "mine", **{"If-Match": "*"}), 412)
    seen = put_draft(api, "mine")["ETag"]
    assert api.get("/api/templates/tmpl_own/draft")["ETag"] == seen
    newer = put_draft(api, "theirs", **{"If-Match": seen})
    assert newer.status_code == 200
    for method, path, body in [
        ("put", "draft", {"structure": STRUCTURE}),
        ("post", "publish", {}),
        ("delete", "draft", None),
    ]:
        problem_of(send(api, method, f"/tmpl_own/{path}", body, **{"If-Match": seen}), 412)
    assert api.get("/api/templates/tmpl_own/draft").json()["note"] == "theirs"
    assert send(api, "post", "/tmpl_own/publish", **{"If-Match": newer["ETag"]}).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["", "/draft"])
def test_of_editors_at_the_same_moment_who_name_the_same_state_one_wins(api, own, organization, what):
    put_draft(api, "start")
    tag = api.get(f"/api/templates/tmpl_own{what}")["ETag"]
    editors = 5
    barrier = Barrier(editors)

    def edit(client):
        try:
            barrier.wait(timeout=20)
            name = f"{id(client)}"
            if what:
                return put_draft(client, name, **{"If-Match": tag}).status_code
            return send(client, "patch", "/tmpl_own", {"name": name}, **{"If-Match": tag}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(editors) as pool:
        answers = sorted(pool.map(edit, [client_of(organization) for _ in range(editors)]))
    assert answers == [200] + [412] * (editors - 1)


def test_who_named_a_state_that_went_in_the_last_moment_is_told_412(api, own, monkeypatch):
    tag = api.get("/api/templates/tmpl_own")["ETag"]

    def overtaken(template, changes):
        template_change(Template.objects.get(pk=template.pk), {"tone": "faster"})
        return template_change(template, changes)

    monkeypatch.setattr("templates_app.write_api.template_change", overtaken)
    problem_of(send(api, "patch", "/tmpl_own", {"tone": "slower"}, **{"If-Match": tag}), 412)
    problem_of(send(api, "patch", "/tmpl_own", {"tone": "slower"}), 409)
    assert Template.objects.get().tone == "faster"
