"""Databases that have grown: how they are filled, and what is timed in them. SQLite only."""
