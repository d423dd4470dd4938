"""Reads SQLite's query plans. Pure. Source: https://www.sqlite.org/eqp.html"""

SORTS = "USE TEMP B-TREE"


def walks_the_table(plan: str) -> bool:
    """Tell whether a step of a plan reads all rows, or sorts what it reads."""
    return plan == "SCAN contexts" or plan.startswith(SORTS)
