"""A prepared query finds what the query itself would, with every value anew."""

import pytest

from base.prepared import Prepared
from users.models import Organization

pytestmark = pytest.mark.django_db
NAMED = Prepared(lambda name, key: Organization.objects.filter(name=name, is_active=True).exclude(pk=key))


def test_values_take_their_places_and_constants_stay():
    first = Organization.objects.create(id="org_a", name="Same")
    second = Organization.objects.create(id="org_b", name="Same")
    Organization.objects.create(id="org_c", name="Same", is_active=False)
    assert NAMED.find("Same", "org_b") == first
    assert NAMED.find("Same", "org_a") == second
    assert NAMED.find("Other", "org_a") is None
    assert {row.pk for row in NAMED.rows("Same", "none")} == {"org_a", "org_b"}


def test_a_value_is_never_part_of_the_query():
    Organization.objects.create(id="org_a", name="x' OR '1'='1")
    assert NAMED.find("x' OR '1'='1", "none") is not None
    assert NAMED.find("' OR '1'='1", "none") is None
    assert NAMED.find("%s", "%") is None
