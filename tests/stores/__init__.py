"""The production stores for tests: Redis, and MongoDB or what speaks its protocol; on free loopback ports.

`python -m tests.stores COMMAND...` runs a command beside both, with TEST_DATABASE_URL and TEST_REDIS_URL set.
"""
