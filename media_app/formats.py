"""The kinds of images that are taken, told by their first bytes: never by a name or by what a client says."""

from dataclasses import dataclass

FORMATS_TAKEN = "PNG, JPEG, WebP or GIF"


@dataclass(frozen=True)
class ImageFormat:
    """One kind of image.

    Args:
        pillow: what Pillow calls it.
        aliases: other content types that honest clients send for it.
    """

    pillow: str
    extension: str
    content_type: str
    aliases: frozenset[str] = frozenset()

    def is_called(self, content_type: str) -> bool:
        """Tell whether a declared content type means this format."""
        return content_type == self.content_type or content_type in self.aliases


PNG = ImageFormat("PNG", "png", "image/png", frozenset({"image/x-png", "image/apng", "image/vnd.mozilla.apng"}))
JPEG = ImageFormat("JPEG", "jpg", "image/jpeg", frozenset({"image/jpg", "image/pjpeg", "image/mpo"}))
WEBP = ImageFormat("WEBP", "webp", "image/webp")
GIF = ImageFormat("GIF", "gif", "image/gif")

CONTENT_TYPES = {known.extension: known.content_type for known in (PNG, JPEG, WEBP, GIF)}

# What a client sends that does not know: it claims nothing.
_NO_CLAIM = frozenset({"", "application/octet-stream", "binary/octet-stream"})


def format_of(data: bytes) -> ImageFormat | None:
    """Return the format that the bytes begin as, or None for anything that is not taken."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if data.startswith(b"\xff\xd8\xff"):
        return JPEG
    if data.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    return None


def contradicts(declared: str, actual: ImageFormat) -> bool:
    """Tell whether a client's Content-Type says something else than the bytes."""
    claim = declared.partition(";")[0].strip().lower()
    return claim not in _NO_CLAIM and not actual.is_called(claim)
