"""The OpenAPI document is valid, and what is answered fits it."""

import json
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator

from contexts.models import Batch, BatchState
from contexts.samples.loader import samples_load
from contexts.states import Status
from tests.api.calls import MINIMAL, SEED_DOCUMENT, post
from tests.conftest import SEED
from tests.contexts.rows import ERROR, STEPS, make_context, ran_context, step_run
from tests.docs.pages import ROOT, section, table_rows


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The document as the command writes it; a warning fails it."""
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, path, what) for path, item in schema["paths"].items() for method, what in item.items()]


def faults(schema: dict[str, Any], part: dict[str, Any], value: Any) -> list[str]:
    whole = {**part, "components": schema["components"]}
    return [error.message for error in Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(value)]


def assert_fits(schema: dict[str, Any], answer: Any, method: str, path: str) -> None:
    response = schema["paths"][path][method]["responses"][str(answer.status_code)]
    media_type = answer["Content-Type"].partition(";")[0]
    part = response["content"][media_type]["schema"]
    assert faults(schema, part, json.loads(answer.content)) == []
    name = part["$ref"].rpartition("/")[2]
    named = schema["components"]["schemas"][name]
    if "anyOf" in named:  # all of it, or a part
        named = schema["components"]["schemas"][named["anyOf"][0]["$ref"].rpartition("/")[2]]
    strangers = set(json.loads(answer.content)) - set(named["properties"])
    assert not strangers, f"{name} says nothing of {strangers}"


def test_the_document_is_valid_openapi_3_1(schema):
    assert [error.message for error in OpenAPIV31SpecValidator(schema).iter_errors()] == []


def test_the_document_is_served_as_json(client, db):
    answer = client.get("/api/schema")
    assert answer.status_code == 200
    assert "json" in answer["Content-Type"]
    assert answer.json()["openapi"].startswith("3.1")


def test_the_docs_load_nothing_from_elsewhere(client, db):
    answer = client.get("/api/docs")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "swagger-ui" in page
    assert "https://" not in page.replace("https://example", "")
    script = client.get("/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js")
    assert script.status_code == 200
    script.close()


def test_every_operation_has_a_name_a_tag_and_its_problems(schema):
    names = [what["operationId"] for _, _, what in operations(schema)]
    assert len(set(names)) == len(names)
    for method, path, what in operations(schema):
        where = f"{method} {path}"
        assert what["tags"], where
        assert what.get("description"), where
        assert 0 < len(what["summary"]) <= 120, where
        assert "Needs the scope `" in what["description"] or "Any key may." in what["description"], where
        expected = {"400", "401", "403", "406", "429", "503"}
        expected |= {"404"} if "{" in path else set()
        expected |= {"413", "415"} if method == "post" else set()
        assert expected <= set(what["responses"]), where
        assert {"apiKey": []} in what["security"], where
        for status, response in what["responses"].items():
            assert response["description"], where
            if int(status) >= 400:
                problem = response["content"]["application/problem+json"]["schema"]
                assert problem == {"$ref": "#/components/schemas/Problem"}, where


def test_every_answer_to_a_key_names_the_headers_of_its_rate(schema):
    for method, path, what in operations(schema):
        for status, response in what["responses"].items():
            assert {"RateLimit", "RateLimit-Policy"} <= set(response["headers"]), (method, path, status)
        for status in ("429", "503"):
            assert "Retry-After" in what["responses"][status]["headers"], (method, path, status)


@pytest.mark.parametrize(
    "name",
    ["Context", "Processing", "StepRun", "ContextError", "Batch", "Problem", "Fault", "ContextSubmission"],
)
def test_what_matters_has_a_name(schema, name):
    assert schema["components"]["schemas"][name]["description"]


def test_keys_and_sessions_are_described(schema):
    assert set(schema["components"]["securitySchemes"]) == {"apiKey", "adminSession"}


def test_every_example_fits_its_own_schema(schema):
    found = {name: part["example"] for name, part in schema["components"]["schemas"].items() if "example" in part}
    assert {"Context", "ContextSubmission", "BulkSubmission", "RetryRequest", "Batch", "Problem"} <= set(found)
    for name, example in found.items():
        assert faults(schema, {"$ref": f"#/components/schemas/{name}"}, example) == [], name


def media_examples(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Every example of a body: where, its schema, the example."""
    for method, path, what in operations(schema):
        bodies = {"request": what.get("requestBody", {}), **what["responses"]}
        for name, body in bodies.items():
            for media in body.get("content", {}).values():
                for title, example in media.get("examples", {}).items():
                    yield f"{method} {path} {name} {title}", media["schema"], example["value"]


def test_every_example_of_a_body_fits_it(schema):
    found = {where: faults(schema, part, value) for where, part, value in media_examples(schema)}
    assert {where: wrong for where, wrong in found.items() if wrong} == {}
    assert len([where for where in found if where.startswith("get /api/contexts/{context_id} 200")]) == 4
    assert len([where for where in found if where.startswith("post /api/contexts request")]) == 3


def test_the_seeds_documents_are_examples_of_what_is_taken_and_answered(schema):
    seeds = [json.loads(path.read_text()) for path in sorted(SEED.glob("*.json"))]
    shown = [value for where, _, value in media_examples(schema) if " request " in where]
    answered = [value for where, _, value in media_examples(schema) if " 200 " in where]
    assert seeds[0] in shown
    assert [{key: value[key] for key in seed} for seed, value in zip(seeds, answered, strict=True)] == seeds


def open_parts(part: Any, where: str) -> Iterator[str]:
    """Where a schema takes whatever comes: ``Schema.property``, or the schema alone."""
    if not isinstance(part, dict):
        return
    says_nothing = not set(part) - {"title", "description", "default"}
    if says_nothing or part.get("additionalProperties") in (True, {}):
        yield where
    for name, inner in part.get("properties", {}).items():
        yield from open_parts(inner, f"{where}.{name}" if "." not in where else where)
    inside = [part.get("items"), part.get("contentSchema"), part.get("additionalProperties")]
    for inner in [*inside, *part.get("anyOf", []), *part.get("oneOf", [])]:
        yield from open_parts(inner, where)


def test_what_the_schema_leaves_open_is_named_with_its_reason(schema):
    found = {place for name, part in schema["components"]["schemas"].items() for place in open_parts(part, name)}
    rows = table_rows(section(ROOT / "docs" / "api.md", "What the schema leaves open"))
    named = {place for cell, _ in rows for place in re.findall(r"`([\w.]+)`", cell)}
    assert {"ContextData" if place.startswith("ContextData.") else place for place in found} == named


def test_the_seeds_document_fits_what_can_be_posted(schema):
    assert faults(schema, {"$ref": "#/components/schemas/ContextSubmission"}, SEED_DOCUMENT) == []


def test_every_example_of_a_submission_is_taken(api, schema):
    samples_load()
    for where, _, value in media_examples(schema):
        if where.startswith("post /api/contexts request"):
            assert post(api, "/api/contexts", value).status_code == 201, where


@pytest.mark.parametrize("example", ["ContextSubmission", "BulkSubmission"])
def test_the_examples_can_be_posted(api, schema, example):
    body = schema["components"]["schemas"][example]["example"]
    for item in body.get("contexts", []):
        item.setdefault("pipeline", ["template"])
    path = "/api/contexts/bulk" if "contexts" in body else "/api/contexts"
    assert post(api, path, body).status_code in (201, 202)


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.HELD}))
def test_a_context_of_any_status_fits(api, organization, schema, status):
    done = {Status.PENDING: [], Status.COMPLETED: list(STEPS)}.get(status, ["template"])
    rows = [make_context(organization, status), make_context(organization, status, pipeline_id="pipe_x")]
    if status != Status.PENDING:
        rows.append(ran_context(organization, status, done))
        rows.append(ran_context(organization, status, [], error=dict(ERROR), next_retry_at=rows[0].created_at))
    for row in rows:
        assert_fits(schema, api.get(f"/api/contexts/{row.pk}"), "get", "/api/contexts/{context_id}")
        assert_fits(schema, api.get(f"/api/contexts/{row.pk}/steps"), "get", "/api/contexts/{context_id}/steps")
    assert_fits(schema, api.get("/api/contexts"), "get", "/api/contexts")


def test_submissions_and_moves_fit(api, organization, schema):
    assert_fits(schema, post(api, "/api/contexts", SEED_DOCUMENT), "post", "/api/contexts")
    assert_fits(schema, post(api, "/api/contexts/bulk", {"contexts": [MINIMAL]}), "post", "/api/contexts/bulk")
    failed = ran_context(organization, Status.FAILED, ["template"])
    retried = post(api, f"/api/contexts/{failed.pk}/retry")
    assert_fits(schema, retried, "post", "/api/contexts/{context_id}/retry")
    cancelled = post(api, f"/api/contexts/{failed.pk}/cancel")
    assert_fits(schema, cancelled, "post", "/api/contexts/{context_id}/cancel")


def test_batches_fit(api, organization, schema):
    batch = Batch.objects.create(organization=organization, state=BatchState.ACCEPTED, total=2, name="x")
    for status in (Status.FAILED, Status.PENDING):
        make_context(organization, status, batch=batch, ended_at=batch.created_at)
    assert_fits(schema, api.get("/api/batches"), "get", "/api/batches")
    assert_fits(schema, api.get(f"/api/batches/{batch.pk}"), "get", "/api/batches/{batch_id}")
    again = post(api, f"/api/batches/{batch.pk}/retry-failed")
    assert_fits(schema, again, "post", "/api/batches/{batch_id}/retry-failed")
    assert_fits(schema, post(api, f"/api/batches/{batch.pk}/cancel"), "post", "/api/batches/{batch_id}/cancel")


def test_a_step_that_was_skipped_after_an_error_fits(api, organization, schema):
    error = {"type": "x", "message": "y", "retryable": False}
    run = step_run("template", "skipped", error=error, cost_usd=0.01, model="m", input_tokens=1, output_tokens=2)
    context = make_context(organization, step_runs=[run])
    answer = api.get(f"/api/contexts/{context.pk}/steps")
    assert_fits(schema, answer, "get", "/api/contexts/{context_id}/steps")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "/api/contexts/x", None),
        ("post", "/api/contexts", {}),
        ("get", "/api/contexts?limit=x", None),
        ("post", "/api/contexts/bulk", []),
    ],
)
def test_problems_fit(api, schema, method, path, body):
    answer = post(api, path, body) if method == "post" else api.get(path)
    assert faults(schema, {"$ref": "#/components/schemas/Problem"}, json.loads(answer.content)) == []
