"""One at a time, over all processes and machines: for work that would be a waste or confusing if two did it at once.

Never needed for what is right: that rests on conditional updates alone, so a lock that was lost does no harm. On one
machine the kernel holds it, on a file in DATA_DIR, and lets go when the process dies. Between machines Redis holds it,
with an owner's token and an expiry that is put off while the work goes on; while Redis is away each machine is alone.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError
from redis.lock import Lock

from base.problems import Busy
from base.redis_link import PREFIX, ask

# How long others wait in vain after a machine that held a lock is gone.
EXPIRES_SECONDS = 30.0


@contextmanager
def one_at_a_time(name: str, busy: str) -> Iterator[None]:
    """Hold the lock of that name for as long as the block runs.

    Args:
        name: such as ``batch:batch_01...``; letters, digits, underscores and colons.
        busy: what to tell who finds it taken.

    Raises:
        Busy: somebody else holds it.
    """
    folder = settings.DATA_DIR / "locks"
    folder.mkdir(exist_ok=True)
    with _held_here(folder / name.replace(":", "-"), busy), _held_in_redis(f"{PREFIX}lock:{name}", busy):
        yield


@contextmanager
def _held_here(path: Path, busy: str) -> Iterator[None]:
    descriptor = _take(path, busy)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held: nobody else holds it
        os.close(descriptor)


def _take(path: Path, busy: str) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            os.close(descriptor)
            raise Busy(busy) from exc
        if _is_still_there(path, descriptor):
            return descriptor
        os.close(descriptor)


def _is_still_there(path: Path, descriptor: int) -> bool:
    """Tell whether the file was not removed, by its former holder, between opening and locking it."""
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


@contextmanager
def _held_in_redis(key: str, busy: str) -> Iterator[None]:
    lock = ask(lambda redis: _acquired(redis, key, busy), None)
    if lock is None:
        yield
        return
    is_over = threading.Event()
    renewal = threading.Thread(target=_renew, args=(lock, is_over), name="lock", daemon=True)
    renewal.start()
    try:
        yield
    finally:
        is_over.set()
        renewal.join()
        with suppress(RedisError):  # away, or no longer ours: redis-py removes it only with our token
            lock.release()


def _acquired(redis: Redis, key: str, busy: str) -> Lock:
    lock: Lock = redis.lock(key, timeout=EXPIRES_SECONDS, blocking=False, thread_local=False)
    if not lock.acquire():
        raise Busy(busy)
    return lock


def _renew(lock: Lock, is_over: threading.Event) -> None:
    while not is_over.wait(EXPIRES_SECONDS / 3):
        with suppress(RedisError):  # then it may be lost; who works goes on all the same
            lock.reacquire()
