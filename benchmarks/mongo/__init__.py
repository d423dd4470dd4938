"""The rows on MongoDB and Redis, beside SQLite in the same run."""
