"""Answers of the database that all processes of all machines share for half a second, through Redis.

How old an answer may be, whatever stands still meanwhile: an entry lives until half a second after the *question* that
brought it, by the clock of Redis alone. Redis was asked for its time before the database was asked, and the entry is
stored with that moment of expiry. So one that arrives late, from a slow reader or in a Redis that stood still, is dead
on arrival, and half a second after the database has changed nobody is told what was before. A process keeps what it was
told for 0.4 s, counted from the question too (components/fresh.py): every worker sees a change within 0.9 s. (Longer by
as much as somebody sets the clock of Redis' machine back within that half second.)

Whoever changes the database calls `forget`, which mostly makes it quicker: it begins a new edition, and entries of
another edition count for nothing, also one that a slow reader stores afterwards. Nothing rests on it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import transaction
from redis import Redis

from base.ids import new_id
from base.redis_link import PREFIX, ask

KEPT_MS = 500


@dataclass(frozen=True)
class _Look:
    """What Redis had: an answer, or the edition and the moment to store one with."""

    edition: str
    asked_at_ms: int = 0
    answer: Any = None


class SharedAnswers:
    """Answers of one kind.

    Args:
        kind: names the keys: ``draftline:{kind}:...``.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._edition_key = f"{PREFIX}{kind}:edition"

    def get(self, question: Any, load: Callable[[], Any]) -> Any:
        """Return the answer to a question, from ``load`` where Redis has none.

        Args:
            question: decides the answer; whatever JSON can hold, as the answer itself. None is not kept.
        """
        key = self._key(question)
        look = ask(lambda redis: self._look(redis, key), None)
        if look is not None and look.answer is not None:
            return look.answer
        answer = load()
        if look is not None and answer is not None:
            entry = orjson.dumps([look.edition, answer])
            ask(lambda redis: redis.set(key, entry, pxat=look.asked_at_ms + KEPT_MS), None)
        return answer

    def forget(self) -> None:
        """Let nobody be told what was, once the present transaction is through."""
        transaction.on_commit(self._begin_edition)

    def _begin_edition(self) -> None:
        # it need not outlive the entries of the editions before
        ask(lambda redis: redis.set(self._edition_key, new_id("edition"), px=4 * KEPT_MS), None)

    def _key(self, question: Any) -> str:
        return f"{PREFIX}{self._kind}:{hashlib.sha256(orjson.dumps(question)).hexdigest()[:32]}"

    def _look(self, redis: Redis, key: str) -> _Look:
        found: list[Any] = redis.mget(self._edition_key, key)
        edition, entry = (found[0] or b"").decode(), found[1]
        if entry is not None:
            of_edition, answer = orjson.loads(entry)
            if of_edition == edition:
                return _Look(edition, answer=answer)
        seconds, microseconds = redis.time()
        return _Look(edition, asked_at_ms=seconds * 1000 + microseconds // 1000)
