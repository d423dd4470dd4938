"""Bad input gets a clear error that names the place, and nothing is stored: one by one and in bulk."""

import json

import pytest

from contexts.models import Batch, Context
from tests.api.calls import MINIMAL, paths_of, post, problem_of
from users.models import IdempotencyKey

DEEP = json.loads("[" * 70 + "]" * 70)
STEP = "template"

# what is wrong -> (the context, the path of the fault)
BAD_CONTEXTS = {
    "no type": ({"pipeline": [STEP]}, "/type"),
    "type of a wrong kind": ({**MINIMAL, "type": 5}, "/type"),
    "type that is no slug": ({**MINIMAL, "type": "Big Article"}, "/type"),
    "type with a line's end": ({**MINIMAL, "type": "article\n"}, "/type"),
    "type that is too long": ({**MINIMAL, "type": "a" * 51}, "/type"),
    "unknown key": ({**MINIMAL, "extra": 1}, "/extra"),
    "unknown key with a slash": ({**MINIMAL, "a/b~c": 1}, "/a~1b~0c"),
    "no object": ([], ""),
    "a text": ("article", ""),
    "null": (None, ""),
    "unknown component": ({**MINIMAL, "pipeline": [STEP, "tempalte"]}, "/pipeline/1"),
    "unknown component in an object": ({**MINIMAL, "pipeline": [{"component": "nope"}]}, "/pipeline/0/component"),
    "unknown component in a group": ({**MINIMAL, "pipeline": [[STEP, "nope"]]}, "/pipeline/0/1"),
    "empty pipeline": ({**MINIMAL, "pipeline": []}, "/pipeline"),
    "51 steps": ({**MINIMAL, "pipeline": [STEP] * 51}, "/pipeline"),
    "51 steps in groups": ({**MINIMAL, "pipeline": [[STEP] * 25, [STEP] * 26]}, "/pipeline"),
    "empty group": ({**MINIMAL, "pipeline": [[]]}, "/pipeline/0"),
    "group in a group": ({**MINIMAL, "pipeline": [[[STEP]]]}, "/pipeline/0/0"),
    "number as a step": ({**MINIMAL, "pipeline": [7]}, "/pipeline/0"),
    "step without a component": ({**MINIMAL, "pipeline": [{}]}, "/pipeline/0/component"),
    "step with a strange key": ({**MINIMAL, "pipeline": [{"component": STEP, "x": 1}]}, "/pipeline/0/x"),
    "pipeline of a wrong kind": ({**MINIMAL, "pipeline": {"0": STEP}}, "/pipeline"),
    "unknown pipeline": ({**MINIMAL, "pipeline": "pipe_nope"}, "/pipeline"),
    "no pipeline and no default": ({"type": "article"}, "/pipeline"),
    "bad step config": (
        {**MINIMAL, "pipeline": [{"component": "ai_generator", "config": {"temperature": "hot"}}]},
        "/pipeline/0/config/temperature",
    ),
    "unknown setting": (
        {**MINIMAL, "pipeline": [{"component": STEP, "config": {"colour": 1}}]},
        "/pipeline/0/config/colour",
    ),
    "setting of staff": (
        {**MINIMAL, "pipeline": [{"component": "http", "config": {"url": "http://169.254.169.254/"}}]},
        "/pipeline/0/config/url",
    ),
    "config of a wrong kind": ({**MINIMAL, "pipeline": [{"component": STEP, "config": []}]}, "/pipeline/0/config"),
    "bad when": ({**MINIMAL, "pipeline": [{"component": STEP, "when": "data.["}]}, "/pipeline/0/when"),
    "bad on_error": ({**MINIMAL, "pipeline": [{"component": STEP, "on_error": "retry"}]}, "/pipeline/0/on_error"),
    "data of a wrong kind": ({**MINIMAL, "data": []}, "/data"),
    "data that is null": ({**MINIMAL, "data": None}, "/data"),
    "metadata of a wrong kind": ({**MINIMAL, "metadata": "x"}, "/metadata"),
    "priority of 101": ({**MINIMAL, "priority": 101}, "/priority"),
    "priority of -1": ({**MINIMAL, "priority": -1}, "/priority"),
    "priority as a text": ({**MINIMAL, "priority": "5"}, "/priority"),
    "priority as a fraction": ({**MINIMAL, "priority": 5.5}, "/priority"),
    "priority as a truth": ({**MINIMAL, "priority": True}, "/priority"),
    "integer over 64 bits": ({**MINIMAL, "data": {"n": 2**63}}, "/data/n"),
    "integer below 64 bits": ({**MINIMAL, "data": {"n": [-(2**63) - 1]}}, "/data/n/0"),
    "NUL in data": ({**MINIMAL, "data": {"t": "a\x00b"}}, "/data/t"),
    "NUL in a key": ({**MINIMAL, "data": {"a\x00b": 1}}, "/data"),
    "NUL in metadata": ({**MINIMAL, "metadata": {"t": "\x00"}}, "/metadata/t"),
    "NUL in the type": ({**MINIMAL, "type": "a\x00"}, "/type"),
    "lone surrogate": ({**MINIMAL, "data": {"t": "\ud800"}}, "/data/t"),
    "lone surrogate in a key": ({**MINIMAL, "data": {"\udfff": 1}}, "/data"),
    "lone surrogate in a step": ({**MINIMAL, "pipeline": ["\ud800"]}, "/pipeline/0"),
}

# what is wrong -> the body, which is no JSON at all, or none that can be stored
BAD_BODIES = {
    "nothing": b"",
    "half a document": b'{"type": "article"',
    "two documents": b"{}{}",
    "invalid UTF-8": b'{"type": "\xff\xfe"}',
    "UTF-16": '{"type": "article"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"type": "article"}',
    "NaN": b'{"type": "article", "data": {"n": NaN}}',
    "Infinity": b'{"type": "article", "data": {"n": -Infinity}}',
    "single quotes": b"{'type': 'article'}",
    "raw NUL": b'{"type": "arti\x00cle"}',
    "endless nesting": b"[" * 200_000,
    "endless objects": b'{"a":' * 200_000,
}


def assert_nothing_stored():
    assert not Context.objects.exists()
    assert not Batch.objects.exists()
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize("name", BAD_CONTEXTS)
def test_a_bad_context_is_refused_with_its_place(api, name):
    body, path = BAD_CONTEXTS[name]
    answer = post(api, "/api/contexts", json.dumps(body).encode(), **{"Idempotency-Key": "k"})
    assert path in paths_of(answer)
    assert_nothing_stored()


@pytest.mark.parametrize("name", BAD_CONTEXTS)
def test_a_bad_context_spoils_the_whole_bulk(api, name):
    body, path = BAD_CONTEXTS[name]
    items = {"contexts": [MINIMAL, body, MINIMAL]}
    answer = post(api, "/api/contexts/bulk", json.dumps(items).encode(), **{"Idempotency-Key": "k"})
    assert f"/contexts/1{path}" in paths_of(answer)
    assert_nothing_stored()


@pytest.mark.parametrize("path", ["/api/contexts", "/api/contexts/bulk", "/api/contexts/ctx_x/retry"])
@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_cannot_be_read_is_refused(api, name, path):
    if name == "nothing" and path.endswith("retry"):
        problem_of(post(api, path, b""), 404)  # for a retry, nothing says enough
        return
    problem_of(post(api, path, BAD_BODIES[name]), 400)
    assert_nothing_stored()


def test_an_integer_of_5000_digits_is_refused_with_its_place(api):
    body = b'{"type": "article", "pipeline": ["template"], "data": {"n": ' + b"9" * 5000 + b"}}"
    assert paths_of(post(api, "/api/contexts", body)) == ["/data/n"]
    assert paths_of(post(api, "/api/contexts/bulk", b'{"contexts": [' + body + b"]}")) == ["/contexts/0/data/n"]
    assert_nothing_stored()


def test_a_number_that_only_infinity_could_hold_is_refused(api):
    body = b'{"type": "article", "pipeline": ["template"], "data": {"n": 1e999}}'
    assert paths_of(post(api, "/api/contexts", body)) == ["/data/n"]
    assert_nothing_stored()


def test_data_that_is_too_deep_is_refused_with_its_place(api):
    assert paths_of(post(api, "/api/contexts", {**MINIMAL, "data": {"deep": DEEP}}))[0].startswith("/data/deep/0/0")
    assert_nothing_stored()


def test_what_is_just_within_the_limits_is_taken(api):
    nested = json.loads("[" * 62 + "]" * 62)
    data = {"n": [2**63 - 1, -(2**63)], "deep": nested, "text": "x" * (1024 * 1024 - 400), "é": "😀"}
    answer = post(api, "/api/contexts", {**MINIMAL, "data": data, "priority": 100})
    assert answer.status_code == 201, answer.content
    assert api.get(answer["Location"]).json()["data"] == data


def test_data_over_one_mebibyte_is_too_large(api):
    body = {**MINIMAL, "data": {"text": "é" * (512 * 1024)}}
    assert paths_of(post(api, "/api/contexts", body), 413) == ["/data"]
    assert paths_of(post(api, "/api/contexts/bulk", {"contexts": [MINIMAL, body]}), 413) == ["/contexts/1/data"]
    assert_nothing_stored()


def test_metadata_over_its_limit_is_too_large(api):
    assert paths_of(post(api, "/api/contexts", {**MINIMAL, "metadata": {"t": "x" * 65536}}), 413) == ["/metadata"]
    assert_nothing_stored()


def test_a_body_over_the_limit_of_its_view_is_too_large(api):
    problem_of(post(api, "/api/contexts", {**MINIMAL, "data": {"t": "x" * 4 * 1024 * 1024}}), 413)
    problem_of(post(api, "/api/contexts/ctx_x/cancel", {"t": "x" * 70 * 1024}), 413)
    assert_nothing_stored()


def test_a_bulk_body_over_its_limit_is_too_large(api, settings):
    settings.MAX_BODY_BYTES = 1000
    problem_of(post(api, "/api/contexts/bulk", {"contexts": [MINIMAL] * 100}), 413)
    assert_nothing_stored()


@pytest.mark.parametrize(
    ("envelope", "path"),
    [
        ({}, "/contexts"),
        ({"contexts": []}, "/contexts"),
        ({"contexts": {}}, "/contexts"),
        ({"contexts": [MINIMAL] * 10_001}, "/contexts"),
        ({"contexts": [MINIMAL], "extra": 1}, "/extra"),
        ({"contexts": [MINIMAL], "name": 5}, "/name"),
        ({"contexts": [MINIMAL], "name": "x" * 201}, "/name"),
        ({"contexts": [MINIMAL], "priority": 101}, "/priority"),
        ([MINIMAL], ""),
    ],
)
def test_a_bad_envelope_is_refused_with_its_place(api, envelope, path):
    assert paths_of(post(api, "/api/contexts/bulk", envelope)) == [path]
    assert_nothing_stored()


def test_every_bad_item_of_a_bulk_is_listed(api):
    bad = {"type": "article", "pipeline": ["nope"], "extra": 1}
    items = [
        MINIMAL,
        {**bad, "type": 1},
        MINIMAL,
        {**MINIMAL, "pipeline": ["nope"]},
        {**MINIMAL, "data": {"t": "x" * 2**20}},
    ]
    assert paths_of(post(api, "/api/contexts/bulk", {"contexts": items})) == [
        "/contexts/1/type",
        "/contexts/1/extra",
        "/contexts/3/pipeline/0",
        "/contexts/4/data",
    ]
    assert_nothing_stored()


def test_ten_thousand_bad_items_are_all_listed(api):
    answer = post(api, "/api/contexts/bulk", {"contexts": [{"a": 1, "b": 2}] * 10_000})
    named = {path.split("/")[2] for path in paths_of(answer)}
    assert len(named) == 10_000
    assert_nothing_stored()


def test_a_million_steps_get_a_short_answer(api):
    answer = post(api, "/api/contexts", {**MINIMAL, "pipeline": [1] * 300_000})
    assert paths_of(answer) == ["/pipeline"]
    assert len(answer.content) < 1000


def test_many_unknown_keys_get_a_bounded_answer(api):
    answer = post(api, "/api/contexts", {**MINIMAL, **{f"k{number}": 1 for number in range(50_000)}})
    assert len(paths_of(answer)) <= 10_000


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "junk"])
def test_another_content_type_is_refused(api, content_type):
    answer = api.post("/api/contexts", json.dumps(MINIMAL), content_type=content_type)
    problem_of(answer, 415)
    assert_nothing_stored()
