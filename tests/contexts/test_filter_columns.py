"""The columns that lists filter by: of an older database they are filled from the errors."""

import pytest

from contexts.failure import failure
from contexts.models import Context
from contexts.states import Status
from tests.contexts.rows import ERROR
from tests.migrating import migrate, newest

BEFORE = [("contexts", "0010_bulk_operations")]


@pytest.mark.django_db(transaction=True)
def test_failed_contexts_of_an_older_database_get_the_columns_of_their_errors():
    try:
        before = migrate(BEFORE)
        before.get_model("users", "Organization").objects.create(id="org_old", name="Old")
        rows = {
            "ctx_a": (Status.FAILED, ERROR),
            "ctx_b": (Status.FAILED, {**ERROR, "component": "media#2", "type": "timed_out"}),
            "ctx_c": (Status.FAILED, None),  # by hand
            "ctx_d": (Status.COMPLETED, None),
            "ctx_e": (Status.FAILED, ERROR),
        }
        for pk, (status, error) in rows.items():
            before.get_model("contexts", "Context").objects.create(
                id=pk, organization_id="org_old", type="article", status=status, pipeline=["media"], error=error
            )
    finally:
        migrate(newest())
    found = {row.pk: (row.error_type, row.error_component) for row in Context.objects.all()}
    like_the_others = ("rate_limited", "ai_generator")
    assert found == {
        "ctx_a": like_the_others,
        "ctx_b": ("timed_out", "media#2"),
        "ctx_c": (None, None),
        "ctx_d": (None, None),
        "ctx_e": like_the_others,
    }


def test_columns_hold_what_an_error_says_however_long():
    columns = failure({"type": "t" * 200, "component": "c" * 200, "message": "?"})
    assert (len(columns["error_type"]), len(columns["error_component"])) == (100, 128)
