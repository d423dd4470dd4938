"""Every refusal is a problem with its status and headers, as the real web server sends it."""

import json
import select
import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.api.test_wire import DEADLINE_SECONDS, DOCUMENT, Answer, Server

JSON = b"Content-Type: application/json"
ODD_PATHS = [b"/nothing", b"/api/contexts/%zz", b"/api/contexts/%", b"/api/contexts/%ff", b"/api/contexts/%00"]
ODD_PATHS += [b"//api/contexts", b"/api/../api/contexts", b"/api/contexts/" + b"a" * 10_000, b"/" + b"%2e" * 5_000]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("statuses"))
    try:
        server.wait()
        yield server
    finally:
        server.close()


def ask(server: Server, line: bytes, *headers: bytes, body: bytes = b"", key: str | None = None) -> Answer:
    secret = server.key if key is None else key
    lines = [line + b" HTTP/1.1", b"Host: localhost", b"Connection: close", b"Content-Length: %d" % len(body), *headers]
    lines += [b"Authorization: Bearer " + secret.encode()] if secret else []
    answer = server.send(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    assert answer is not None
    return answer


def header(answer: Answer, name: str) -> str:
    lines = [line.partition(": ") for line in answer.head.split("\r\n")]
    return {key.lower(): value for key, _, value in lines}[name]


def made(server: Server, *scopes: str, rate: str = "") -> str:
    options = ["--rate", rate] if rate else []
    return server.manage("apikey", "create", "--name", "t", "--scopes", ",".join(scopes), *options).split()[-1]


def test_400_names_every_place(server):
    bad = json.dumps({"type": "article", "pipeline": ["template", "nothing"], "x": 1}).encode()
    problem = ask(server, b"POST /api/contexts", JSON, body=bad).problem(400)
    assert {fault["path"] for fault in problem["errors"]} >= {"/x"}
    bulk = json.dumps(
        {"contexts": [{"type": "a", "pipeline": ["template"]}, {"type": "a", "pipeline": ["no"]}]}
    ).encode()
    problem = ask(server, b"POST /api/contexts/bulk", JSON, body=bulk).problem(400)
    assert [fault["path"] for fault in problem["errors"]] == ["/contexts/1/pipeline/0"]
    assert ask(server, b"GET /api/contexts?limit=x").problem(400)["errors"][0]["path"] == "?limit"


@pytest.mark.parametrize("key", ["", "dl_wrong"])
def test_401_says_which_key_is_asked_for(server, key):
    answer = ask(server, b"GET /api/contexts", key=key)
    answer.problem(401)
    assert header(answer, "www-authenticate") == 'Bearer realm="draftline"'


def test_403_names_the_scope(server):
    answer = ask(server, b"POST /api/contexts", JSON, body=DOCUMENT, key=made(server, "contexts:read"))
    assert "contexts:write" in answer.problem(403)["detail"]


@pytest.mark.parametrize("path", ODD_PATHS, ids=lambda path: path[:20].decode())
def test_404_is_told_of_whatever_path_there_is_not(server, path):
    ask(server, b"GET " + path).problem(404)
    head = ask(server, b"HEAD " + path)
    assert (head.status, head.body) == (404, b"")


@pytest.mark.parametrize("path", [b"/api/contexts", b"/api/docs", b"/healthz", b"/problems", b"/problems/conflict"])
@pytest.mark.parametrize("method", [b"DELETE", b"PATCH", b"TRACE", b"PROPFIND"])
def test_405_names_the_methods_that_there_are(server, method, path):
    answer = ask(server, method + b" " + path)
    answer.problem(405)
    assert header(answer, "allow").startswith("GET")


def test_options_tells_who_may_ask_what_there_is(server):
    assert header(ask(server, b"OPTIONS /api/contexts"), "allow") == "GET, POST, HEAD, OPTIONS"
    ask(server, b"OPTIONS /api/contexts", key="").problem(401)
    ask(server, b"OPTIONS /nothing").problem(404)


def test_head_has_the_head_of_get_alone(server):
    for path in (b"/api/contexts", b"/healthz", b"/problems", b"/api/schema"):
        answer = ask(server, b"HEAD " + path)
        assert (answer.status, answer.body) == (200, b"")
        assert int(header(answer, "content-length")) == len(ask(server, b"GET " + path).body)


def test_406_413_and_415_are_told(server):
    ask(server, b"GET /api/contexts", b"Accept: image/png").problem(406)
    large = b'{"type": "article", "data": {"t": "' + b"a" * 5_000_000 + b'"}}'
    ask(server, b"POST /api/contexts", JSON, body=large).problem(413)
    for kind in (b"text/plain", b"\xff", b"", b"application/x-www-form-urlencoded"):
        ask(server, b"POST /api/contexts", b"Content-Type: " + kind, body=DOCUMENT).problem(415)


def test_409_and_422_change_nothing(server):
    key = b"Idempotency-Key: once"
    first = json.loads(ask(server, b"POST /api/contexts", JSON, key, body=DOCUMENT).body)
    other = DOCUMENT.replace(b'"x"', b'"y"')
    ask(server, b"POST /api/contexts", JSON, key, body=other).problem(422)
    path = f"POST /api/contexts/{first['id']}/retry".encode()
    assert ask(server, path).problem(409)["type"] == "/problems/conflict"


def test_429_says_when_to_come_back(server):
    key = made(server, "contexts:read", rate="1/hour")
    assert ask(server, b"GET /api/me", key=key).status == 200
    answer = ask(server, b"GET /api/me", key=key)
    answer.problem(429)
    assert 0 < int(header(answer, "retry-after")) <= 3660
    assert header(answer, "ratelimit") == f'"key";r=0;t={header(answer, "retry-after")}'


def test_many_connections_at_once_get_no_more_than_the_rate(server):
    key = made(server, "contexts:read", rate="20/hour")
    with ThreadPoolExecutor(16) as threads:
        statuses = list(threads.map(lambda _: ask(server, b"GET /api/me", key=key).status, range(60)))
    assert (statuses.count(200), statuses.count(429)) == (20, 40)


def test_500_tells_nothing_of_the_inside(server):
    made_now = json.loads(ask(server, b"POST /api/contexts", JSON, body=DOCUMENT).body)
    with database_of(server) as database:
        database.execute("UPDATE contexts SET created_at = 'no time' WHERE _id = ?", [made_now["id"]])
        database.commit()
        problem = ask(server, b"GET /api/contexts/" + made_now["id"].encode()).problem(500)
        database.execute("DELETE FROM contexts WHERE _id = ?", [made_now["id"]])
        database.commit()
    assert problem["detail"] == "Something went wrong on our side; it was logged."


def test_503_says_when_to_come_back(server):
    with database_of(server) as database:
        database.execute("ALTER TABLE batches RENAME TO batches_away")
        answer = ask(server, b"GET /api/batches")
        database.execute("ALTER TABLE batches_away RENAME TO batches")
    answer.problem(503)
    assert header(answer, "retry-after") == "5"


def database_of(server: Server) -> "closing[sqlite3.Connection]":
    """The server's database, behind its back."""
    return closing(sqlite3.connect(Path(server.env["DATA_DIR"]) / "draftline.sqlite3"))


@pytest.mark.parametrize("target", [b"GET /" + b"a" * 100_000, b"GET /api/contexts?q=" + b"a" * 100_000, b"BREW /"])
def test_what_is_too_long_or_no_method_is_a_problem(server, target):
    ask(server, target).problem(400)


def test_headers_without_an_end_are_refused_before_they_fill_the_memory(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE_SECONDS) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ")
        sent = 0
        while not select.select([connection], [], [], 0.05)[0]:
            connection.sendall(b"a" * 16_384)
            sent += 16_384
            assert sent < 1_000_000
        assert b"/problems/request-header-fields-too-large" in connection.recv(65_536)


def test_metrics_are_for_programs_on_this_machine(server):
    answer = ask(server, b"GET /metrics", key="")
    assert answer.status == 200
    assert b'draftline_http_requests_total{method="GET",route="/api/batches",status="503"} 1.0' in answer.body
    ask(server, b"GET /metrics", b"X-Forwarded-For: 127.0.0.1", key="").problem(403)


def test_the_server_is_well_afterwards(server):
    assert ask(server, b"GET /readyz").status == 200
