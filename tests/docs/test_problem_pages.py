"""Every type of problem has a page, its page tells the truth, and the type's address leads to it."""

import json
from http import HTTPStatus
from pathlib import Path

import pytest

from base.openapi import Problem
from tests.api.calls import post, problem_of
from tests.docs.pages import ROOT, code_blocks, section, table_rows, text_of
from tests.docs.test_docs import API, code, our_problems, problem_types

PAGES = sorted((ROOT / "docs" / "problems").glob("*.md"))
PARTS = ["## What it means", "## Example", "## What to do", "## What not to do"]
TITLES = {cls.type: cls.title for cls in our_problems()} | {"not-ready": "Not ready to serve"}


def in_the_table() -> dict[str, int]:
    """Return type -> status, as docs/api.md has them."""
    rows = table_rows(section(API, "Errors"))
    return {code(cell).removeprefix("/problems/"): int(status) for cell, status, _ in rows}


def test_every_type_of_problem_has_a_page_and_no_other():
    assert {page.stem for page in PAGES} == problem_types()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_it_means_and_what_to_do(page: Path):
    lines = text_of(page).splitlines()
    status = in_the_table()[page.stem]
    assert lines[0] == f"# {TITLES.get(page.stem, HTTPStatus(status).phrase)}"
    assert lines[2] == f"`/problems/{page.stem}`, status {status}."
    assert [line for line in lines if line.startswith("## ")] == PARTS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_example_on_a_page_is_such_a_problem(page: Path):
    (head,) = code_blocks(text_of(page), "http")
    (document,) = map(json.loads, code_blocks(text_of(page), "json"))
    status = in_the_table()[page.stem]
    assert head.splitlines()[0] == f"HTTP/1.1 {status}"
    assert "Content-Type: application/problem+json" in head
    assert (document["type"], document["status"]) == (f"/problems/{page.stem}", status)
    assert f"# {document['title']}\n" in text_of(page)
    assert all(set(fault) == {"path", "message"} for fault in document["errors"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_types_address_shows_the_page(client, page: Path):
    answer = client.get(f"/problems/{page.stem}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    text = answer.content.decode()
    assert "<h2>What to do</h2>" in text
    assert '<code class="language-json">' in text
    assert client.head(f"/problems/{page.stem}").status_code == 200


def test_the_openapi_document_knows_these_types_and_no_other():
    told = Problem.model_json_schema()["properties"]["type"]["enum"]
    assert set(told) == {f"/problems/{slug}" for slug in problem_types()}


def test_the_list_leads_to_every_page(client):
    text = client.get("/problems").content.decode()
    assert [page.stem for page in PAGES if f'href="/problems/{page.stem}"' not in text] == []


def test_a_refusal_can_be_followed_to_its_page(api, client):
    refused = problem_of(post(api, "/api/contexts", {}), 400)
    assert refused["title"] in client.get(refused["type"]).content.decode()


@pytest.mark.parametrize("path", ["/problems/nothing", "/problems/", "/problems/..%2Fapi", "/problems/a.md"])
def test_an_unknown_problem_is_a_problem(client, path: str):
    problem_of(client.get(path), 404)


def test_problem_pages_are_only_read(client):
    assert problem_of(client.post("/problems"), 405)
    assert client.delete("/problems/conflict")["Allow"] == "GET, HEAD"


def test_the_image_holds_the_pages():
    assert "COPY docs/problems ./docs/problems" in text_of(ROOT / "Dockerfile")
    assert "!docs/problems" in text_of(ROOT / ".dockerignore").splitlines()
