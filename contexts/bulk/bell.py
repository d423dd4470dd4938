"""Wakes who works at operations on many."""

from contexts.chore_bell import ChoreBell

# A person waits for each ring: none is held back.
bell = ChoreBell("contexts.tasks.bulk", "bulk", every_seconds=0)
