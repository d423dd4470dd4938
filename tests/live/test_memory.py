"""What a web process holds for clients who wait with large bodies, or do not read what they asked for: little."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psutil
import pytest

from tests.durability.installation import SEED, Installation, wait_until
from tests.live.follower import Follower

pytestmark = [pytest.mark.durability, pytest.mark.timeout(300)]

MEBIBYTE = 1024 * 1024
POSTS = 100
POSTS_MAY_COST = 80 * MEBIBYTE  # of what ten threads worked with; their bodies would be 100 more
READERS = 50
READERS_MAY_COST = 60 * MEBIBYTE
CONTEXTS = 1200  # more events than all buffers on the way hold
OLD = 1  # an id from long ago: all of the batch is to be told


def web_of(installation: Installation) -> psutil.Process:
    (web,) = installation.processes("config.web")
    return web


def own_bytes(process: psutil.Process) -> int:
    """Return what a process has for itself; each connection maps the same pages of SQLite's file anew."""
    return int(process.memory_full_info().uss)


def test_posts_that_wait_keep_no_bodies(installation: Installation, follower: Follower, model_server):
    def post(title: str, wait: int) -> int:
        body = {"type": "article", "data": {"title": title, "notes": "x" * (MEBIBYTE - 1000)}}
        return follower.post(f"contexts?wait={wait}", body).status_code

    def stored() -> int:
        return len(follower.get("contexts?q=Held&limit=200&fields=id").json()["results"])

    model_server.hold()
    with ThreadPoolExecutor(POSTS) as threads:
        assert set(threads.map(lambda _: post("Warm", 0), range(30))) == {201}
        web = web_of(installation)
        before = own_bytes(web)
        waiting = [threads.submit(post, "Held", 60) for _ in range(POSTS)]
        wait_until(lambda: stored() == POSTS, seconds=60, what="all are stored")
        cost = own_bytes(web) - before
        assert not any(one.done() for one in waiting)
        model_server.release()
        assert {one.result() for one in waiting} == {201}
    print(f"{POSTS} posts of 1 MiB that wait: {cost / MEBIBYTE:.0f} MiB")
    assert cost < POSTS_MAY_COST


@contextmanager
def deaf_readers(installation: Installation, path: str) -> Iterator[list[socket.socket]]:
    """Open streams of which nothing is read."""
    head = f"GET /api/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {installation.authorization}\r\n\r\n"
    with ExitStack() as stack:
        sockets = []
        for _ in range(READERS):
            one = stack.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
            one.connect(("127.0.0.1", installation.port))
            one.sendall(head.encode())
            sockets.append(one)
        yield sockets


def test_readers_that_do_not_read_cost_little_and_are_cut_off(installation: Installation, follower: Follower):
    batch = installation.post("contexts/bulk", {"contexts": [{**SEED, "pipeline": ["template"]}] * CONTEXTS})
    installation.wait_for_end(batch["batch_id"], seconds=120)
    path = f"batches/{batch['batch_id']}/events?last_event_id={OLD}"
    whole = len(follower.events(path))
    web = web_of(installation)

    before = own_bytes(web)
    with deaf_readers(installation, path) as deaf:
        ports = {one.getsockname()[1] for one in deaf}

        def open_here() -> int:
            return sum(one.raddr.port in ports for one in web.net_connections("tcp") if one.raddr)

        wait_until(lambda: open_here() == READERS, seconds=20, what="all are connected")
        costs = [own_bytes(web) - before]

        def all_are_cut_off() -> bool:
            costs.append(own_bytes(web) - before)
            return not open_here()

        assert len(follower.events(path)) == whole, "who reads is served meanwhile"
        wait_until(all_are_cut_off, seconds=120, what="who reads nothing is cut off")
    print(f"{READERS} readers that do not read {whole} events: {max(costs) / MEBIBYTE:.0f} MiB")
    assert max(costs) < READERS_MAY_COST
