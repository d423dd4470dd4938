"""The plain way: one django-q2 task per context, saved after each step. For comparison; nothing uses it.

It is what one would write first, and well: the same database and settings, the same three components, the same
clients kept open for the life of a process, django-q2's defaults with its ORM broker.
"""
