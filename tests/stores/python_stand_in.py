"""Runs SecantusDB's server in Python: ``python -m tests.stores.python_stand_in HOST PORT FOLDER``."""

import signal
import sys
import threading

from secantus import SecantusDBServer

from tests.stores import secantus_compat


def main(host: str, port: str, folder: str) -> None:
    secantus_compat.install()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with SecantusDBServer(host=host, port=int(port), storage_path=folder):
        ended.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
