"""Environment variables that the processes of a peer read."""

STORE_URL = "BENCH_STORE_URL"
MODEL_URL = "BENCH_MODEL_URL"
