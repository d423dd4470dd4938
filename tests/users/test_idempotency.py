"""Where the keys of requests are kept, and for how long."""

from datetime import timedelta

import pytest

from base import clock
from tests.migrating import migrate, newest
from users.idempotency import KEPT, idempotency_of, idempotency_prune
from users.models import IdempotencyKey

WHEN_CONTEXTS_HAD_THEM = [("contexts", "0004_providers"), ("users", "0001_initial")]


def key_of(organization_id, name="order-17", body=None):
    return idempotency_of(name, organization_id=organization_id, route="things", body=body or {"a": 1})


@pytest.mark.django_db(transaction=True)
def test_keys_of_an_older_database_are_kept_when_they_move():
    try:
        before = migrate(WHEN_CONTEXTS_HAD_THEM)
        before.get_model("users", "Organization").objects.create(id="org_old", name="Old")
        before.get_model("contexts", "IdempotencyKey").objects.create(
            id=key_of("org_old").row_id,
            organization_id="org_old",
            body_hash=key_of("org_old").body_hash,
            resource_id="ctx_1",
        )
    finally:
        migrate(newest())
    assert key_of("org_old").find() == "ctx_1"
    assert key_of(None).reserve("ctx_2")
    assert key_of(None).find() == "ctx_2"


def test_staff_without_an_organization_have_keys_of_their_own(organization):
    assert key_of(None).reserve("tmpl_1")
    assert key_of(organization.pk).find() is None
    assert not key_of(None).reserve("tmpl_2")


def test_a_key_is_forgotten_after_a_day_and_not_before(organization):
    for name, age in (("old", KEPT + timedelta(seconds=1)), ("young", KEPT - timedelta(minutes=1))):
        key = key_of(organization.pk, name)
        key.reserve(name)
        IdempotencyKey.objects.filter(pk=key.row_id).update(created_at=clock.now() - age)
    idempotency_prune()
    assert list(IdempotencyKey.objects.values_list("resource_id", flat=True)) == ["young"]
