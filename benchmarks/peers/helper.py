"""The helper process of a peer: takes orders as `benchmarks.helper` does, without Django."""

import importlib
import json
import sys


def main() -> None:
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        module, _, function = order["call"].rpartition(".")
        answer = getattr(importlib.import_module(module), function)(**order["with"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
