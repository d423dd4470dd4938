"""A process that has Django loaded and waits for orders, so that its start is never part of a measurement.

Orders and answers are lines of JSON: ``{"call": "benchmarks.orders.submit", "with": {"count": 10}}`` is answered by
what that function returns.
"""

import json
import sys

import django
from django.utils.module_loading import import_string


def main() -> None:
    django.setup()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(import_string(order["call"])(**order["with"])), flush=True)


if __name__ == "__main__":
    main()
