"""Draftline's settings, with MongoDB's driver being listened to."""

from pymongo import monitoring

from benchmarks.mongo.round_trips import RoundTrips
from config.settings import *  # noqa: F403
from config.settings import DATA_DIR

monitoring.register(RoundTrips(DATA_DIR))
