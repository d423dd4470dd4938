"""A group commit on MongoDB: one bulk write over three collections, whose answer tells of each write by itself.

Source: https://www.mongodb.com/docs/manual/reference/command/bulkWrite/ (since 8.0; config/checks.py asks for it)
"""

from pymongo import UpdateOne

from base import mongo
from contexts.engine.job import Write
from contexts.engine.write_columns import columns_of, entry_of, rows_beside
from contexts.models import AssetUse, Context, StepTranscript
from contexts.move_log import appended_on_mongo


def group_on_mongo(writes: list[Write]) -> list[bool]:
    """Do a group in the order of its writes; see `contexts.engine.group.write_group`.

    Each write is one conditional update of one document, and so is atomic. Where the server dies in the middle, its
    beginning is written, and the group is repeated as a whole.
    """
    with mongo.django_errors():
        inserts = [_insert(row) for row in rows_beside(writes)]
        updates = [_update(write) for write in writes]
        done = mongo.client().bulk_write([*inserts, *updates], ordered=True, verbose_results=True)
        found = done.update_results
        return [found[index].matched_count == 1 for index in range(len(inserts), len(inserts) + len(updates))]


def _insert(row: StepTranscript | AssetUse) -> UpdateOne:
    """Store a row, unless it is there already."""
    document = mongo.stored_row(row)
    return UpdateOne(
        {"_id": document.pop("_id")},
        {"$setOnInsert": document},
        upsert=True,
        namespace=mongo.namespace(type(row)),
    )


def _update(write: Write) -> UpdateOne:
    """Change a context that still bears the lease: whoever ends it, or takes it away, clears the token.

    So the status need not be named, which would lead a planner to the index of tokens, and to all that a worker holds.
    A pipeline, because the log's entry needs the revision; without ``$literal`` a text with a ``$`` would be computed.
    """
    stored = mongo.stored(Context, columns_of(write))
    changes: mongo.Document = {name: {"$literal": value} for name, value in stored.items()}
    changes["revision"] = {"$add": ["$revision", 1]}
    if added := entry_of(write):
        changes["moves"] = appended_on_mongo(added)
    return UpdateOne(
        {"_id": write.context_id, "lease_token": write.lease.token, "attempts": write.lease.attempt},
        [{"$set": changes}],
        namespace=mongo.namespace(Context),
    )
