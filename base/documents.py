"""Kinds of values that API documents share."""

from datetime import datetime
from typing import Annotated

from pydantic import PlainSerializer, WithJsonSchema

from base.clock import to_iso

# A time as the API writes it: ``2023-05-15T10:30:00Z``.
Timestamp = Annotated[datetime, PlainSerializer(to_iso), WithJsonSchema({"type": "string", "format": "date-time"})]
