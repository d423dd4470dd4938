"""The production stores for tests: Redis, and MongoDB or what speaks its protocol; on free loopback ports.

`python -m tests.stores .venv/bin/pytest ...` runs pytest beside both; mine.py says which are a process's own.
"""
