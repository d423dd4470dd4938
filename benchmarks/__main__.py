"""The command line of ``script/bench``."""

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from benchmarks.compare import print_comparison
from benchmarks.document import as_document, read_document
from benchmarks.machine import machine_facts
from benchmarks.markdown import markdown
from benchmarks.mongo.rows import with_mongo
from benchmarks.peers.rows import with_peers
from benchmarks.processes import BenchFailed
from benchmarks.row import Row, RowResult
from benchmarks.rows import ROWS
from benchmarks.run import run_row
from benchmarks.table import print_machine, print_row
from benchmarks.workshop import Workshop

WIDTH_OF_A_FILE = 170


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench", description="Measures Draftline on this machine.")
    names = [row.name for row in ROWS]
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of: {', '.join(names)}; default: the short ones")
    parser.add_argument("--all", action="store_true", help="the long rows too")
    parser.add_argument("--memory", action="store_true", help="the row memory too, which takes some minutes")
    parser.add_argument("--peers", action="store_true", help="other systems beside Draftline, where they are installed")
    parser.add_argument("--mongo", action="store_true", help="MongoDB and Redis beside the default stores")
    parser.add_argument("--quick", action="store_true", help="small counts and one run, to see that it works")
    parser.add_argument("--runs", type=int, help="how often each variant runs (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there, for a page")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="print ratios to an earlier --json file")
    parser.add_argument("--folder", type=Path, help="where the temporary databases go; must be a real disk")
    options = parser.parse_args()
    if unknown := sorted(set(options.rows) - set(names)):
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(names)}")
    if options.runs is not None and options.runs < 1:
        parser.error("--runs must be at least 1")
    options.runs = options.runs or (1 if options.quick else 3)
    return options


def chosen_rows(options: argparse.Namespace) -> list[Row]:
    asked = {*options.rows, *(["memory"] if options.memory else [])}
    short_too = not options.rows
    rows = [row for row in ROWS if row.name in asked or options.all or (short_too and not row.is_long)]
    rows = [with_peers(row) for row in rows] if options.peers else rows
    return [with_mongo(row) for row in rows] if options.mongo else rows


def run(options: argparse.Namespace) -> bool:
    """Measure, print, write; True where nothing failed. The file is written after each row: the next may take long."""
    earlier = read_document(options.compare) if options.compare else None  # before minutes are spent
    console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE)
    with Workshop(folder=options.folder, is_quick=options.quick) as workshop:
        machine = machine_facts(workshop.folder)
        facts = {"quick": options.quick, "runs": options.runs, "peers": options.peers, "mongo": options.mongo}
        print_machine(console, machine)
        if options.quick:
            console.print("\nSmall counts and one run: the figures say that it works, not how fast.")
        results: list[RowResult] = []
        for row in chosen_rows(options):
            results.append(run_row(row, workshop, runs=options.runs))
            print_row(console, results[-1])
            document = as_document(results, machine, facts)
            if options.json:
                options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
            if options.markdown:
                options.markdown.write_text(markdown(document), encoding="utf-8")
    if earlier:
        print_comparison(console, document, earlier)
    return not any(result.failed for result in results)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    signal.signal(signal.SIGTERM, _interrupt)  # whatever ends it, what it started ends too
    options = read_options()
    try:
        sys.exit(0 if run(options) else "bench: something failed; see above")
    except BenchFailed as exc:
        sys.exit(f"bench: {exc}")
    except KeyboardInterrupt:
        sys.exit("bench: stopped")


if __name__ == "__main__":
    main()
