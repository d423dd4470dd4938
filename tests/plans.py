"""How the database goes about the queries that some code makes: told alike for SQLite and for MongoDB."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection

from tests.stores.emptying import on_mongo
from tests.stores.listening import Command, commands_heard
from tests.stores.mongo_server import PLANS_QUERIES

PRIMARY_KEY = "the primary key"
WITHOUT_INDEX = {"COLLSCAN", "SORT", "$sort"}
EXPLAINED = {
    "aggregate": ("aggregate", "pipeline", "cursor"),
    "find": ("find", "filter", "sort", "projection", "limit"),
    "update": ("update", "updates"),
}
BY_KEY = {"IDHACK", "EXPRESS_IDHACK"}  # real servers' words for a look-up by _id


class Plan(ABC):
    """What the database does to answer one query.

    Args:
        table: the table or collection.
        query: what was sent.
    """

    table: str
    query: str

    @abstractmethod
    def assert_in_order(self) -> None:
        """Fail where rows are sorted, or read without an index."""

    @abstractmethod
    def assert_reads(self, index: str = "") -> None:
        """Fail where rows are read that were not asked for, or sorted, or where the index is another one.

        Args:
            index: its name; after a blank what SQLite says of the columns that it compares.
        """


def plans_of(run: Callable[[], object], *tables: str) -> list[Plan]:
    """Return the plan of each query on these tables that ``run`` makes, in their order."""
    if on_mongo() and not PLANS_QUERIES:
        pytest.skip("the stand-in in Python has no query planner")
    made = _mongo_plans(run) if on_mongo() else _sqlite_plans(run)
    return [plan for plan in made if plan.table in tables]


def assert_reads_an_index(plans: list[Plan], index: str = "") -> None:
    assert plans
    for plan in plans:
        plan.assert_reads(index)


def is_count(query: str) -> bool:
    """Tell whether a query of either database counts rows."""
    return "COUNT(" in query or "__count" in query


# --- SQLite ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class SqlitePlan(Plan):
    table: str
    query: str
    text: str

    def assert_in_order(self) -> None:
        assert "USING" in self.text, self.text
        assert "TEMP B-TREE" not in self.text, self.text

    def assert_reads(self, index: str = "") -> None:
        assert "SEARCH" in self.text, self.text
        assert "SCAN" not in self.text, self.text
        assert "TEMP B-TREE" not in self.text, self.text
        name = f"sqlite_autoindex_{self.table}_1" if index == PRIMARY_KEY else index
        assert f"INDEX {name}" in self.text, self.text


def _sqlite_plans(run: Callable[[], object]) -> list[Plan]:
    seen: list[tuple[str, Any]] = []

    def note(execute, sql, params, many, context):
        seen.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        run()
    return [SqlitePlan(_first_table(sql), sql, _explained(sql, params)) for sql, params in seen]


def _first_table(sql: str) -> str:
    """Return the table that is read or changed."""
    found = re.search(r'(?:FROM|UPDATE) "(\w+)"', sql)
    return found[1] if found else ""


def _explained(sql: str, params: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        return " | ".join(str(row[3]) for row in cursor.fetchall())


# --- MongoDB --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class MongoPlan(Plan):
    """A command's plan. Which of several fitting indexes is taken depends on the data: so an index is hinted at."""

    table: str
    query: str
    command: dict[str, Any]

    def assert_in_order(self) -> None:
        self._stages_of_an_index({})

    def assert_reads(self, index: str = "") -> None:
        self.assert_in_order()
        if not index:
            return
        name = "_id_" if index == PRIMARY_KEY else index.partition(" ")[0]
        stages = self._stages_of_an_index({"hint": name})
        reads = [stage for stage in stages if "indexName" in stage]
        assert reads or BY_KEY & {stage["stage"] for stage in stages}, stages
        for read in reads:
            assert read["indexName"] == name, stages
            first = next(iter(read["indexBounds"].values()))
            assert first != ["[MinKey, MaxKey]"], f"all of the index is read: {read}"

    def _stages_of_an_index(self, hint: dict[str, Any]) -> list[dict[str, Any]]:
        stages = list(_stages(self._explained(hint)))
        names = {stage["stage"] for stage in stages}
        assert names, self.command
        assert not names & WITHOUT_INDEX, f"{names} for {self.command}"
        return stages

    def _explained(self, hint: dict[str, Any]) -> Any:
        mongo: Any = connection
        command = dict(self.command)
        if "updates" in command:
            command["updates"] = [{**command["updates"][0], **hint}]
        else:
            command |= hint
        return mongo.database.command("explain", command, verbosity="queryPlanner")


def _mongo_plans(run: Callable[[], object]) -> list[Plan]:
    with commands_heard() as heard:
        run()
    asked = [command for command in map(_explainable, heard) if command]
    return [MongoPlan(next(iter(command.values())), str(command), command) for command in asked]


def _explainable(command: Command) -> Command:
    """Return what is to be explained of a command; nothing where it only inserts, or is about the session."""
    parts = EXPLAINED.get(next(iter(command)), ())
    return {part: command[part] for part in parts if part in command}


def _stages(explained: Any) -> Iterator[dict[str, Any]]:
    """Walk through the winning plan, and the stages of the pipeline that come after it."""
    for stage in explained.get("stages", [])[1:]:
        yield {"stage": next(iter(stage))}
    first = explained["stages"][0]["$cursor"] if "stages" in explained else explained
    yield from _walk(first["queryPlanner"]["winningPlan"])


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for item in node:
            yield from _walk(item)
    elif isinstance(node, Mapping):
        if isinstance(node.get("stage"), str):
            yield dict(node)
        for item in node.values():
            yield from _walk(item)
