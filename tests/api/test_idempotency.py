"""The same request sent twice is done once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from contexts.batches import batches_repair
from contexts.models import Batch, BatchState, Context
from contexts.states import Status
from tests.api.calls import MINIMAL, client_of, paths_of, post, problem_of
from users.models import IdempotencyKey

KEY = {"Idempotency-Key": "order-17"}
BULK = {"contexts": [{**MINIMAL, "data": {"n": number}} for number in range(40)]}


def submit(api, body=MINIMAL, **headers):
    return post(api, "/api/contexts", body, **(headers or KEY))


def submit_bulk(api, body=BULK, **headers):
    return post(api, "/api/contexts/bulk", body, **(headers or KEY))


def test_a_repeated_request_answers_with_the_same_context_as_it_is_now(api):
    first = submit(api)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first
    post(api, f"/api/contexts/{first.json()['id']}/cancel")
    again = submit(api)
    assert again.status_code == 201
    assert again["Idempotency-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["status"] == "cancelled"
    assert Context.objects.count() == 1


def test_a_repeated_bulk_request_answers_with_the_same_batch(api):
    first, again = submit_bulk(api), submit_bulk(api)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert Context.objects.count() == 40


def test_without_a_key_each_request_is_its_own(api):
    assert post(api, "/api/contexts", MINIMAL).json()["id"] != post(api, "/api/contexts", MINIMAL).json()["id"]
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize("send", [submit, submit_bulk])
def test_a_key_with_another_body_is_a_mismatch(api, send):
    body = MINIMAL if send is submit else BULK
    other = {**body, "priority": 3}
    send(api)
    before = Context.objects.count()
    problem_of(send(api, other), 422)
    assert Context.objects.count() == before


def test_the_body_is_compared_by_its_meaning(api):
    first = submit(api, b'{"type": "article", "pipeline": ["template"], "data": {"a": "\\u00e9", "b": 1}}')
    again = submit(api, '{"data":{"b":1,"a":"é"},"pipeline":["template"],"type":"article"}'.encode())
    assert again.json()["id"] == first.json()["id"]


def test_a_key_belongs_to_its_route_and_organization(api, other_organization):
    submit(api)
    assert "Idempotency-Replayed" not in submit_bulk(api)
    assert "Idempotency-Replayed" not in submit(client_of(other_organization))
    assert IdempotencyKey.objects.count() == 3


def test_a_refused_request_leaves_its_key_free(api):
    problem_of(submit(api, {**MINIMAL, "pipeline": ["nope"]}), 400)
    problem_of(submit(api, {**MINIMAL, "data": {"t": "x" * 2**20}}), 413)
    problem_of(submit_bulk(api, {"contexts": [{}]}), 400)
    assert "Idempotency-Replayed" not in submit(api)
    assert "Idempotency-Replayed" not in submit_bulk(api)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "é", "a\x7f"])
def test_a_bad_key_is_refused(api, key):
    assert paths_of(submit(api, **{"Idempotency-Key": key})) == ["Idempotency-Key"]
    assert not Context.objects.exists()


@pytest.mark.parametrize("key", ["x", "x" * 255, "a b", "~!@#$%^&*(){}"])
def test_a_good_key_is_taken(api, key):
    assert submit(api, **{"Idempotency-Key": key}).status_code == 201


def test_a_crash_between_key_and_context_is_finished_by_the_next_try(api):
    first = submit(api).json()["id"]
    Context.objects.all().delete()
    again = submit(api)
    assert again.status_code == 201
    assert again.json()["id"] == first
    assert again["Idempotency-Replayed"] == "true"
    assert Context.objects.count() == 1


def crash_before_batch():
    Context.objects.all().delete()
    Batch.objects.all().delete()


def crash_before_contexts():
    Context.objects.all().delete()
    Batch.objects.update(state=BatchState.ACCEPTING)


def crash_among_contexts():
    Context.objects.update(status=Status.HELD)
    Context.objects.order_by("pk")[5].delete()
    Batch.objects.update(state=BatchState.ACCEPTING)


def crash_before_commit_point():
    Context.objects.update(status=Status.HELD)
    Batch.objects.update(state=BatchState.ACCEPTING)


def crash_before_release():
    Context.objects.update(status=Status.HELD)


CRASHES = [
    crash_before_batch,
    crash_before_contexts,
    crash_among_contexts,
    crash_before_commit_point,
    crash_before_release,
]


@pytest.mark.parametrize("crash", CRASHES)
def test_a_crash_anywhere_in_a_bulk_submission_is_finished_by_the_next_try(api, crash):
    first = submit_bulk(api)
    crash()
    again = submit_bulk(api)
    assert (again.status_code, again.json()) == (202, first.json())
    assert Batch.objects.get().state == BatchState.ACCEPTED
    assert sorted(Context.objects.values_list("data__n", flat=True)) == list(range(40))
    assert set(Context.objects.values_list("status", flat=True)) == {"pending"}


def test_a_batch_that_was_given_up_is_a_conflict_until_the_sweep_removed_it(api):
    submit_bulk(api)
    crash_before_commit_point()
    Batch.objects.update(state=BatchState.ABANDONED)
    problem_of(submit_bulk(api), 409)
    batches_repair()
    assert submit_bulk(api).status_code == 202
    assert Context.objects.filter(status=Status.PENDING).count() == 40


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("send", [submit, submit_bulk])
def test_twins_at_the_same_moment_make_one_resource(api, organization, send):
    twins = 6
    barrier = Barrier(twins)
    clients = [client_of(organization) for _ in range(twins)]

    def call(client):
        try:
            barrier.wait(timeout=20)
            return send(client)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(twins) as pool:
        answers = list(pool.map(call, clients))
    assert {answer.status_code for answer in answers} == {201 if send is submit else 202}
    assert len({answer["Location"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer for answer in answers) == 1
    assert Context.objects.count() == (1 if send is submit else 40)
    assert Batch.objects.count() == (0 if send is submit else 1)
