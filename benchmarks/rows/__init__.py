"""The rows of the table, one file each."""

from benchmarks.row import Row
from benchmarks.rows.api import API
from benchmarks.rows.growth import GROWTH
from benchmarks.rows.live import LIVE
from benchmarks.rows.memory import MEMORY
from benchmarks.rows.overhead import OVERHEAD
from benchmarks.rows.pages import PAGES
from benchmarks.rows.pickup import PICKUP
from benchmarks.rows.waiting import WAITING

ROWS: tuple[Row, ...] = (OVERHEAD, WAITING, PICKUP, API, LIVE, MEMORY, GROWTH, PAGES)
