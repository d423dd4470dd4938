"""What is removed while somebody follows it or waits for it: the answer ends, and who asks again is told."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.durability.installation import wait_until

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]

REMOVE = "Context.objects.filter(batch_id='{0}').delete(); Batch.objects.filter(pk='{0}').delete()"


def test_streams_and_waits_end_when_what_they_tell_of_is_removed(installation, follower, model_server):
    model_server.hold()
    batch = installation.submit(1)
    wait_until(
        lambda: installation.contexts(batch)[0]["revision"] == 3, seconds=20, what="the model is asked for the context"
    )
    context = installation.contexts(batch)[0]["id"]
    streams = (f"contexts/{context}/events", f"batches/{batch}/events")
    with ThreadPoolExecutor(2) as threads:
        waiting = threads.submit(follower.get, f"contexts/{context}?wait=60")
        with follower.stream(streams[0]) as of_context, follower.stream(streams[1]) as of_batch:
            next(of_context)
            next(of_batch)
            installation.manage("shell", "--command", REMOVE.format(batch))
            assert [event.event for event in (*of_context, *of_batch)].count("batch") == 0, "nothing is made up"
        assert waiting.result(20).status_code == 404
    assert {follower.get(path).status_code for path in streams} == {404}
