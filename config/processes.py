"""What a server consists of: the web server and two django-q2 clusters. ``manage.py serve`` becomes this program.

It is started as ``python -m config.processes <number of the listening socket>`` and loads no Django.
"""

import sys
from pathlib import Path

from config.supervisor import Program, Supervisor

CLUSTERS = ("contexts", "chores")
MANAGE = Path(__file__).resolve().parent.parent / "manage.py"


def server_programs(socket_number: int) -> list[Program]:
    """Return what ``script/server`` keeps running. The web server inherits the listening socket: while it
    restarts, clients wait instead of being refused.
    """
    web = Program("web", (sys.executable, "-m", "config.web", str(socket_number)), pass_fds=(socket_number,))
    workers = [
        Program(f"worker {cluster}", (sys.executable, str(MANAGE), "worker", "--cluster", cluster))
        for cluster in CLUSTERS
    ]
    return [web, *workers]


if __name__ == "__main__":
    sys.exit(Supervisor(server_programs(int(sys.argv[1]))).run())
