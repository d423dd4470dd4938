"""How request bodies are read."""

from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from base.problems import TooLarge
from base.strict_json import parse_json

CHUNK_BYTES = 64 * 1024
# Nobody sends this much by mistake; whoever does is cut off instead of holding a thread for ever.
MAX_DISCARDED_BYTES = 1024 * 1024 * 1024


class StrictJsonParser(BaseParser):
    """JSON that both databases can hold; a view may name a smaller ``max_body_bytes``."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        view = (parser_context or {}).get("view")
        limit: int = getattr(view, "max_body_bytes", settings.MAX_BODY_BYTES)
        return parse_json(read_bounded(stream, limit))


def read_bounded(stream: IO[bytes], limit_bytes: int) -> bytes:
    """Read a body to its end, keeping at most the limit.

    The rest is read and thrown away: a client that is still sending would otherwise see a broken connection
    instead of the answer.

    Raises:
        TooLarge: there was more.
    """
    kept: list[bytes] = []
    size = 0
    while size < MAX_DISCARDED_BYTES and (chunk := stream.read(CHUNK_BYTES)):
        size += len(chunk)
        if size <= limit_bytes:
            kept.append(chunk)
    if size > limit_bytes:
        raise TooLarge(f"The body has {size} bytes; at most {limit_bytes} are taken here.")
    return b"".join(kept)
