"""The row of pages asks for pages that are there."""

import pytest
from django.core.management import call_command
from django.test import Client

from benchmarks.pages.orders import prepare
from benchmarks.rows.pages import NAMES
from contexts.models import Batch
from contexts.states import Status
from tests.contexts.rows import ran_context

pytestmark = pytest.mark.django_db


def test_every_page_of_the_row_is_there_for_who_was_logged_in(organization):
    call_command("loadsamples", verbosity=0)
    for _ in range(2):
        batch = Batch.objects.create(organization=organization, total=1, state="accepted")
    ran_context(organization, Status.FAILED, ["template"], batch=batch)
    prepared = prepare()
    browser = Client(headers={"cookie": prepared["cookie"]})
    assert set(prepared["paths"]) == set(NAMES)
    for name, path in prepared["paths"].items():
        answer = browser.get(path)
        assert answer.status_code == 200, name
    assert len(browser.get(prepared["paths"]["home"]).context["charts"].types) == 3
