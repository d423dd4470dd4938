"""Many who wait and follow at once on one web server, those who leave, and those beyond the limit."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from httpx_sse import EventSource

from tests.durability.installation import SEED, Installation, wait_until
from tests.live.follower import Follower

pytestmark = [pytest.mark.durability, pytest.mark.timeout(300)]

WAITERS = 500
STREAMS = 500
ROOM = 5
SHARE = 3  # of one organization
MAKE_OTHER_KEY = """
from users.models import Organization
from users.services import apikey_create
other, _ = Organization.objects.get_or_create(id="org_other", defaults={"name": "Other"})
print(apikey_create(name="tests", organization=other, scopes=["contexts:read", "contexts:write"])[1])
"""
PATIENCE = httpx.Timeout(90, pool=None)


@pytest.fixture
async def client(installation) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    headers = {"Authorization": installation.authorization}
    base_url = f"{installation.url}/api/"
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=PATIENCE, limits=limits) as client:
        yield client


async def status_after_wait(client: httpx.AsyncClient, context: str) -> str:
    answer = await client.get(f"contexts/{context}?wait=60")
    return str(answer.json()["status"])


async def last_of_stream(client: httpx.AsyncClient, context: str, begun: asyncio.Semaphore) -> str:
    async with client.stream("GET", f"contexts/{context}/events") as response:
        events = EventSource(response).aiter_sse()
        last = await anext(events)
        begun.release()
        async for event in events:
            last = event
    return str(json.loads(last.data)["status"])


async def test_five_hundred_wait_and_five_hundred_follow_while_others_read(installation, client, model_server):
    model_server.hold()
    contexts = [(await client.post("contexts", json=SEED)).json()["id"] for _ in range(20)]
    begun = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(status_after_wait(client, contexts[n % 20])) for n in range(WAITERS)]
        streams = [group.create_task(last_of_stream(client, contexts[n % 20], begun)) for n in range(STREAMS)]
        for _ in range(STREAMS):
            await begun.acquire()
        for context in contexts:
            assert (await client.get(f"contexts/{context}")).json()["status"] == "processing"
        assert not any(task.done() for task in [*waits, *streams])
        model_server.release()
    assert {task.result() for task in [*waits, *streams]} == {"completed"}


def key_of_another_organization(installation: Installation) -> str:
    return installation.manage("shell", "-v0", "-c", MAKE_OTHER_KEY).strip().splitlines()[-1]


@pytest.fixture
def small(tmp_path, model_server) -> Iterator[Installation]:
    with Installation(tmp_path, model_server, LIVE_CONNECTIONS=str(ROOM)) as installation:
        yield installation


def test_beyond_its_share_streams_of_an_organization_are_refused_and_its_waits_answered(small, model_server):
    model_server.hold()
    with Follower(small) as follower:
        context = follower.post("contexts", SEED).json()["id"]

        def is_in_work() -> bool:
            return bool(follower.get(f"contexts/{context}").json()["status"] == "processing")

        wait_until(is_in_work, seconds=10, what="a worker has it")
        with Follower(small) as others:
            for _ in range(SHARE):
                others.keep_open(f"contexts/{context}/events")
            refused = follower.get(f"contexts/{context}/events")
            assert (refused.status_code, refused.json()["type"]) == (429, "/problems/too-many-streams")
            assert int(refused.headers["Retry-After"]) > 0
            assert refused.headers["Content-Type"] == "application/problem+json"
            with Follower(small, key_of_another_organization(small)) as stranger:
                theirs = stranger.post("contexts", SEED).json()["id"]
                stranger.keep_open(f"contexts/{theirs}/events")
                assert stranger.get(f"contexts/{theirs}?wait=0.1").status_code == 200
            answered = follower.get(f"contexts/{context}?wait=60")
            assert (answered.status_code, answered.json()["status"]) == (200, "processing")
            assert int(answered.headers["Retry-After"]) > 0
            submitted = follower.post("contexts?wait=60", SEED)
            assert submitted.status_code == 201, "what was stored is not answered with an error"

        def has_room() -> bool:
            answer = follower.get(f"contexts/{context}?wait=0.1")
            return "Retry-After" not in answer.headers

        wait_until(has_room, seconds=10, what="who leaves makes room")
