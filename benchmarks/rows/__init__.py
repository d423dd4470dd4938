"""The rows of the table, one file each."""

from benchmarks.row import Row
from benchmarks.rows.overhead import OVERHEAD
from benchmarks.rows.pickup import PICKUP

ROWS: tuple[Row, ...] = (OVERHEAD, PICKUP)
