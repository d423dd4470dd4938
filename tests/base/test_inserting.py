"""Rows are inserted as Django would: every kind of value, and errors are Django's."""

import pytest
from django.db import IntegrityError

from base import clock
from base.inserting import insert
from contexts.models import Context
from tests.contexts.rows import MOMENT
from users.models import Organization

pytestmark = pytest.mark.django_db


def row(organization: Organization, **fields) -> Context:
    values = {"type": "article", "pipeline": ["template", {"component": "x"}], "data": {"é": [1.5, None, "😀"]}}
    return Context(organization=organization, **(values | fields))


@pytest.mark.parametrize("number", [1, 3])
def test_rows_are_read_back_as_they_were(organization, number):
    rows = [row(organization, next_retry_at=MOMENT, error=None, priority=n) for n in range(number)]
    insert(rows)
    for made in rows:
        found = Context.objects.get(pk=made.pk)
        for field in Context._meta.concrete_fields:
            assert getattr(found, field.attname) == getattr(made, field.attname), field.attname
        assert not made._state.adding


def test_rows_are_made_as_django_makes_them(organization):
    ours, djangos = row(organization, error={"a": 1}), row(organization, error={"a": 1})
    djangos.created_at = djangos.updated_at = ours.created_at = ours.updated_at = clock.now()
    insert([ours])
    djangos.save()
    stored = {found["id"]: found for found in Context.objects.values()}
    assert stored[ours.pk] | {"id": ""} == stored[djangos.pk] | {"id": ""}


def test_row_that_is_there_already_is_not_inserted_again(organization):
    there = row(organization)
    insert([there])
    with pytest.raises(IntegrityError):
        insert([row(organization, id=there.pk)])
    assert Context.objects.count() == 1


@pytest.mark.sqlite("MongoDB keeps the rows before the one that failed")
def test_one_row_that_is_there_already_keeps_all_out(organization):
    there = row(organization)
    insert([there])
    with pytest.raises(IntegrityError):
        insert([row(organization), row(organization, id=there.pk)])
    assert Context.objects.count() == 1


def test_no_rows_are_no_error():
    insert([])
