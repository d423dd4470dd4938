"""Whatever fits the OpenAPI document is taken, whatever does not is refused, and every answer fits it."""

import re
from collections.abc import Iterator
from contextlib import suppress
from zlib import crc32

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from contexts.models import Batch, BatchState
from contexts.samples.loader import samples_load
from contexts.states import ENDED, Status
from media_app.models import Asset
from templates_app.models import Template
from tests.api.routes import MAKERS
from tests.contexts.rows import STEPS, make_context, ran_context
from users.access import Scope
from users.models import Organization
from users.services import apikey_create

EXAMPLES = 100
# what can be the answer to a request that fits: what it names is not there, its state, its key or its size is wrong
MAY_BE_ANSWERED = {200, 201, 202, 204, 304, 404, 409, 412, 413, 422, 429}
# docs/api.md, "What the schema does not promise": such input fits the schema and is refused all the same
NOT_PROMISED = re.compile(
    "There is no (component|pipeline|template)|has no default pipeline|no cursor of ours|not a JMESPath expression"
    "|does not fit in 64 bits|holds? a NUL|half of a surrogate pair|Nested deeper"
    "|image|exactly one file|smaller number first"
    "|^Send the id of an event that this stream has sent"
    "|run in parallel and would both write"
    "|no address|Only https|Leave out names|private network"
    "|^The step '.*' (does not exist|was not reached|wrote this and is kept)"
)
# what fits is judged below; a form has no types: a title that became true is the text "true"
LEFT_OUT = {
    None: [positive_data_acceptance],
    "multipart/form-data": [positive_data_acceptance, negative_data_rejection],
}

schema = schemathesis.openapi.from_dict(
    SchemaGenerator().get_schema(request=None, public=True), config=SchemathesisConfig(seed=5)
)
schema.app = get_wsgi_application()
schema.config.generation.update(deterministic=True, max_examples=EXAMPLES, database="none", no_shrink=True)
schema.config.checks.negative_data_rejection.expected_statuses.append("412")  # If-Match is looked at first


@pytest.fixture
def connection_that_stays() -> Iterator[None]:
    """Keep the test's transaction open over requests, as Django's own test client does."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.fixture
def filled(organization: Organization, connection_that_stays) -> tuple[dict[str, str], "Aim"]:
    """A key, and an aim at contexts in every status, at their batch, at templates and images."""
    samples_load()
    Template.objects.update(organization=organization)  # what all share, clients may not change
    batch, ended = (
        Batch.objects.create(organization=organization, state=BatchState.ACCEPTED, total=total, name="x")
        for total in (6, 1)
    )
    rows = [make_context(organization, status, batch=batch) for status in Status if status != Status.HELD]
    rows += [ran_context(organization, status, STEPS[:1]) for status in (Status.FAILED, Status.RETRYING)]
    rows.append(ran_context(organization, Status.COMPLETED, STEPS, batch=ended, ended_at=ended.created_at))
    _, secret = apikey_create(name="tests", organization=organization, scopes=[scope.value for scope in Scope])
    webhook = MAKERS["webhooks"](organization, [])
    return {"Authorization": f"Bearer {secret}"}, Aim(
        {
            "context_id": [row.pk for row in rows],
            "batch_id": [batch.pk],
            "id": [row.pk for model in (Template, Asset) for row in model.objects.all()[:2]],
            "webhook_id": [webhook],
            "delivery_id": [MAKERS["deliveries"](organization, [webhook])],
        },
        # a stream ends with what it tells of
        {"context_id": [row.pk for row in rows if row.status in ENDED], "batch_id": [ended.pk]},
    )


class Aim:
    """Lets two requests of three name something that is there; an id out of thin air is always 404.

    What a request hits follows from the request, so that it hits the same when it is tried again.
    """

    def __init__(self, ids: dict[str, list[str]], of_streams: dict[str, list[str]]) -> None:
        self._ids, self._of_streams = ids, of_streams

    def take(self, case: Case) -> None:
        for name, ids in (self._of_streams if case.path.endswith("/events") else self._ids).items():
            if name in (case.path_parameters or {}):
                number = crc32(repr((name, case.path_parameters[name], case.body)).encode("utf-8", "surrogatepass"))
                if number % 3:
                    case.path_parameters[name] = ids[number // 3 % len(ids)]


def wait_for_nothing(case: Case) -> None:
    """Cut short how long the answer may take: nobody works on these contexts."""
    with suppress(KeyError, TypeError, ValueError):
        if 0 <= float(case.query["wait"]) <= 60:
            case.query["wait"] = "0.001"


def key_ended(case: Case) -> set[int]:
    """What a key is answered that the request before has replaced."""
    return {401} if case.path.endswith("/rotate-key") else set()


@pytest.mark.timeout(300)
@schema.parametrize()
@hypothesis.settings(suppress_health_check=list(HealthCheck), deadline=None)
def test_what_fits_is_taken_and_what_is_answered_fits(filled, case):
    headers, aim = filled
    aim.take(case)
    wait_for_nothing(case)
    answer = case.call_and_validate(headers=headers, excluded_checks=LEFT_OUT.get(case.media_type, LEFT_OUT[None]))
    if case.meta.generation.mode.is_positive and answer.status_code not in MAY_BE_ANSWERED | key_ended(case):
        strange = [fault for fault in answer.json()["errors"] if not NOT_PROMISED.search(fault["message"])]
        assert answer.status_code == 400, answer.text
        assert not strange, case.as_curl_command()
