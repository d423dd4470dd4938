"""How runs become figures: no process is started here."""

import json
from io import StringIO

import pytest
from rich.console import Console

from benchmarks import work
from benchmarks.compare import changes, print_comparison
from benchmarks.document import as_document, read_document
from benchmarks.growth.plans import walks_the_table
from benchmarks.markdown import markdown
from benchmarks.model_server import completion, request_size
from benchmarks.mongo.rows import with_mongo
from benchmarks.peers import environment
from benchmarks.peers.rows import with_peers
from benchmarks.processes import BenchFailed, Missing
from benchmarks.row import Better, Figures, Metric, Row, Variant, at_least
from benchmarks.rows import ROWS
from benchmarks.run import run_row
from benchmarks.statistics import percentile
from benchmarks.table import print_row
from benchmarks.workshop import Workshop, temporary_folder

RATE = Metric("rate", "contexts/s", Better.HIGHER)


def row_of(*variants: Variant) -> Row:
    return Row("example", "an example", (RATE,), variants, (at_least(20, "quick", RATE),))


def shown(result) -> str:
    console = Console(width=120, record=True, file=StringIO())
    print_row(console, result)
    return console.export_text()


@pytest.fixture
def workshop(tmp_path) -> Workshop:
    return Workshop(folder=tmp_path)


def test_variants_run_in_turn_and_their_medians_are_judged(workshop):
    order: list[str] = []
    values = iter([10.0, 40.0, 30.0])

    def quick(_: Workshop) -> Figures:
        order.append("quick")
        return {"rate": next(values)}

    def slow(_: Workshop) -> Figures:
        order.append("slow")
        return {"rate": 5.0}

    result = run_row(row_of(Variant("quick", quick), Variant("slow", slow)), workshop, runs=3)
    assert order == ["quick", "slow"] * 3
    document = as_document([result], {}, {})["rows"]["example"]
    found = {"median": 30.0, "min": 10.0, "max": 40.0, "values": [10.0, 40.0, 30.0]}
    assert document["variants"]["quick"]["rate"] == found
    aim = {"aim": "quick: rate at least 20 contexts/s", "target": 20, "value": 30.0, "is_met": True}
    assert document["aims"] == [aim]
    assert "30.0 (10.0-40.0)" in shown(result)


def test_variant_that_is_not_installed_says_what_to_install(workshop):
    def absent(_: Workshop) -> Figures:
        raise Missing("apt-get install something")

    result = run_row(row_of(Variant("quick", absent)), workshop, runs=3)
    text = shown(result)
    assert "apt-get install something" in text
    assert "not measured" in text
    assert as_document([result], {}, {})["rows"]["example"]["aims"][0]["is_met"] is None


def test_variant_that_fails_has_no_figures_and_stops_no_other(workshop):
    def broken(_: Workshop) -> Figures:
        raise BenchFailed("not all contexts completed: {'failed': 3}")

    row = row_of(Variant("broken", broken), Variant("quick", lambda _: {"rate": 30.0}))
    with workshop:
        result = run_row(row, workshop, runs=2)
    assert set(result.figures) == {"quick"}
    assert "broken: not all contexts completed: {'failed': 3}" in shown(result)
    assert workshop.folder.exists(), "the logs are kept"


@pytest.mark.parametrize(
    ("server", "package"), [(environment.redis, "redis-server"), (environment.postgres, "postgresql")]
)
def test_database_server_that_is_missing_is_named(server, package, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(environment, "DEBIAN_POSTGRES", "nowhere/*/bin")
    with pytest.raises(Missing, match=f"apt-get install {package}"), server(tmp_path / "store"):
        pass


def test_markdown_has_every_figure_and_every_aim(workshop):
    def absent(_: Workshop) -> Figures:
        raise Missing("apt-get install something")

    values = iter([1234.5, 30.25])
    row = row_of(Variant("quick", lambda _: {"rate": next(values)}), Variant("absent", absent))
    text = markdown(as_document([run_row(row, workshop, runs=2)], {"cpu": "some"}, {}))
    assert "| quick | 632 (30.2-1,234) |" in text
    assert "absent: apt-get install something" in text
    assert "| example | quick: rate at least 20 contexts/s | 632 | met |" in text


def test_comparison_shows_the_ratio_of_what_both_have(workshop):
    def document(rate: float, name: str) -> dict:
        row = row_of(Variant(name, lambda _: {"rate": rate}))
        return as_document([run_row(row, workshop, runs=1)], {"revision": "abc", "cpu": "some"}, {})

    now, earlier = document(30.0, "quick"), document(20.0, "quick")
    assert [(change.label, change.verdict) for change in changes(now, earlier)] == [("example quick rate", "better")]
    assert [change.verdict for change in changes(earlier, now)] == ["worse"]
    assert [change.verdict for change in changes(now, now)] == ["same"]
    assert list(changes(now, document(20.0, "another"))) == []
    console = Console(width=120, record=True, file=StringIO())
    print_comparison(console, now, earlier)
    assert "1.50x" in (text := console.export_text())
    assert "better" in text


def test_file_that_is_no_result_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(BenchFailed, match=r"no result of script/bench"):
        read_document(tmp_path / "other.json")
    with pytest.raises(BenchFailed, match="No such file"):
        read_document(tmp_path / "none.json")


def test_folder_in_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.workshop.file_system", lambda folder: "tmpfs")
    with pytest.raises(BenchFailed, match="lies in memory"):
        temporary_folder(tmp_path)


def test_percentile_is_a_value_that_was_measured():
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 95), percentile(values, 100)) == (50.0, 95.0, 100.0)
    assert percentile([7.0], 95) == 7.0


def test_plan_that_reads_everything_is_noticed():
    assert walks_the_table("SCAN contexts")
    assert walks_the_table("USE TEMP B-TREE FOR ORDER BY")
    assert not walks_the_table("SEARCH contexts USING INDEX contexts_claim (status=?)")


def test_work_has_the_sizes_that_are_promised():
    assert len(json.dumps(work.context(12345))) == pytest.approx(1024, abs=40)
    assert len(work.answer()) == pytest.approx(3 * 1024, abs=100)


def test_model_server_finds_the_end_of_a_request():
    request = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 4\r\n\r\nbodyPOST"
    assert request_size(request) == len(request) - len(b"POST")
    assert request_size(request[:20]) is None
    head, _, body = completion().partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head


def test_peers_stand_beside_the_rows_that_they_can_do():
    added = {row.name: len(with_peers(row).variants) - len(row.variants) for row in ROWS}
    assert added == {
        "overhead": 2,
        "waiting": 2,
        "pickup": 2,
        "api": 0,
        "live": 0,
        "memory": 0,
        "growth": 0,
        "pages": 0,
    }


def test_mongodb_stands_beside_the_rows_that_it_can_do():
    added = {row.name: len(with_mongo(row).variants) - len(row.variants) for row in ROWS}
    assert added == {
        "overhead": 2,
        "waiting": 2,
        "pickup": 1,
        "api": 2,
        "live": 0,
        "memory": 0,
        "growth": 0,
        "pages": 0,
    }
    overhead = next(with_mongo(row) for row in ROWS if row.name == "overhead")
    assert [variant.name for variant in overhead.variants][:4] == [
        "openai",
        "openai, MongoDB",
        "offline",
        "offline, MongoDB",
    ]
    share = next(aim for aim in overhead.aims if aim.text == "offline, MongoDB: at least 60 % of SQLite's rate")
    assert share.value({"offline": {"rate": 800.0}, "offline, MongoDB": {"rate": 600.0}}) == 75.0
