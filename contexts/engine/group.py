"""Writes a group of checkpoints and ends at once, each matched against its lease. Blocking code.

SQLite does it in one transaction, MongoDB in one command of many writes, each of them atomic by itself. Both keep the
same contract, and one test holds both to it.
"""

from django.db import connection

from contexts.engine.group_mongo import group_on_mongo
from contexts.engine.group_sqlite import group_on_sqlite
from contexts.engine.job import Write
from contexts.engine.subscriber import tell_watchers
from contexts.states import ENDED, MOVES
from contexts.webhooks.bell import bell


def write_group(writes: list[Write]) -> list[bool]:
    """Make all writes durable. Return for each whether the row still matched its lease.

    Transcripts and uses of images go first: one without its checkpoint is harmless. Repeating a whole group is harmless
    too, also where only its beginning was written: a checkpoint writes the same again, and an end matches nothing any
    more. Whoever is told so has nothing left to do.
    """
    done = group_on_mongo(writes) if connection.vendor == "mongodb" else group_on_sqlite(writes)
    tell_watchers()
    for organization_id in {write.organization_id for write in writes if MOVES[write.move][1] in ENDED}:
        bell.ring_for(organization_id)
    return done
