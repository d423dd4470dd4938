"""Reads an uploaded image: is it what it says, is it whole, is it no bomb; and makes its thumbnail. Stores nothing.

The upload is not encoded again: that would cost quality and break animations, and the fixed content types and the
policy that `media_app.views` serves files under leave nothing to run in a file with two meanings. Instead
`media_app.containers` copies the picture's own data and leaves out metadata, such as the place where a photo was
taken. Only its orientation is kept: for a JPEG as a fresh EXIF tag, which every browser heeds; PNG and WebP have no
tag that all heed, so a still one that is turned (hardly any are) is turned for good.
"""

import logging
import threading
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from django.conf import settings
from PIL import Image, ImageOps

from base.parsers import read_bounded
from base.problems import Fault, InvalidInput, TooLarge
from media_app.containers import BrokenImage, Cleaned, container_clean
from media_app.formats import FORMATS_TAKEN, JPEG, WEBP, ImageFormat, contradicts, format_of

THUMBNAIL_PIXELS = 320
THUMBNAIL_FORMAT = WEBP
ANIMATION_FACTOR = 4  # all frames together may have this many times MEDIA_MAX_PIXELS
ORIENTATION = 0x0112
UPRIGHT = 1

# A picture of 40 million pixels takes 160 MB while it is decoded; more at once would add up.
_decoders = threading.BoundedSemaphore(2)
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Picture:
    """An image that was checked. Width and height are as a reader sees it, turned upright."""

    format: ImageFormat
    data: bytes
    width: int
    height: int
    thumbnail: bytes


def picture_read(content: BinaryIO, declared_type: str = "") -> Picture:
    """Check an upload by its bytes.

    Args:
        declared_type: the Content-Type that the client sent; one that contradicts the bytes is refused.

    Raises:
        InvalidInput: it is no image that we take, not whole, a bomb, or not what the client says.
        TooLarge: more than ``MEDIA_MAX_BYTES``; the rest was read and thrown away.
    """
    data = _read(content)
    format = format_of(data)
    if format is None:
        raise _refusal(f"This is not an image that can be used here; send {FORMATS_TAKEN}.")
    if contradicts(declared_type, format):
        said = declared_type.partition(";")[0].strip()[:100]
        raise _refusal(
            f"The file is said to be {said}, but it is {format.content_type}: name it so, or send it as that."
        )
    try:
        cleaned = container_clean(format, data)
    except BrokenImage as exc:
        raise _refusal(str(exc)) from exc
    _check_pixels(cleaned.width, cleaned.height, cleaned.frames)
    with _decoders:
        return _decode(format, cleaned)


def _refusal(message: str) -> InvalidInput:
    return InvalidInput([Fault("/file", message)])


def _read(content: BinaryIO) -> bytes:
    try:
        data = read_bounded(content, settings.MEDIA_MAX_BYTES)
    except TooLarge as exc:
        raise TooLarge(f"The file is larger than {settings.MEDIA_MAX_BYTES} bytes; make the image smaller.") from exc
    if not data:
        raise _refusal("The file is empty.")
    return data


def _check_pixels(width: int, height: int, frames: int) -> None:
    limit: int = settings.MEDIA_MAX_PIXELS
    if width * height > limit:
        raise _refusal(f"The image has {width} x {height} pixels; at most {limit} in all are taken. Scale it down.")
    if width * height * frames > limit * ANIMATION_FACTOR:
        raise _refusal(f"{frames} frames of {width} x {height} pixels are too much; scale or shorten the animation.")


def _decode(format: ImageFormat, cleaned: Cleaned) -> Picture:
    orientation = _orientation(cleaned.exif)
    try:
        with Image.open(BytesIO(cleaned.data), formats=[format.pillow]) as image:
            _check_pixels(image.width, image.height, 1)
            width, height = image.size
            if orientation != UPRIGHT and format is not JPEG and cleaned.frames == 1:
                return _turned_for_good(format, image, orientation)
            # A JPEG is decoded at a fraction of its size, yet to its last byte; the others ignore this.
            image.draft(None, (THUMBNAIL_PIXELS * 2, THUMBNAIL_PIXELS * 2))
            image.load()
            if format is not JPEG:
                return Picture(format, cleaned.data, width, height, _thumbnail(image, UPRIGHT))
            data = _jpeg_with(orientation, cleaned.data)
            return Picture(format, data, *_as_seen(width, height, orientation), _thumbnail(image, orientation))
    except (InvalidInput, MemoryError):
        raise
    except Exception as exc:  # Pillow's decoders raise whatever hostile bytes lead them to
        logger.info("media_refused format=%s reason=%r", format.pillow, exc)
        raise _refusal("The image cannot be read; it is cut short or damaged.") from exc


def _orientation(exif_data: bytes) -> int:
    exif = Image.Exif()
    try:
        exif.load(exif_data)
        value = exif.get(ORIENTATION, UPRIGHT)
    except Exception:  # broken metadata is no reason to refuse a picture
        return UPRIGHT
    return value if isinstance(value, int) and 1 <= value <= 8 else UPRIGHT


def _as_seen(width: int, height: int, orientation: int) -> tuple[int, int]:
    return (height, width) if orientation >= 5 else (width, height)  # 5 to 8 lie on their side


def _orientation_tag(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif.tobytes()


def _jpeg_with(orientation: int, data: bytes) -> bytes:
    if orientation == UPRIGHT:
        return data
    tag = _orientation_tag(orientation)
    return data[:2] + b"\xff\xe1" + (len(tag) + 2).to_bytes(2, "big") + tag + data[2:]


def _turn(image: Image.Image, orientation: int) -> Image.Image:
    image.getexif()[ORIENTATION] = orientation
    return ImageOps.exif_transpose(image)


def _turned_for_good(format: ImageFormat, image: Image.Image, orientation: int) -> Picture:
    image.load()
    upright = _turn(image, orientation)
    file = BytesIO()
    options = {"lossless": True, "quality": 50} if format is WEBP else {}
    upright.save(file, format.pillow, icc_profile=image.info.get("icc_profile"), exif=b"", **options)
    return Picture(format, file.getvalue(), upright.width, upright.height, _thumbnail(upright, UPRIGHT))


def _thumbnail(image: Image.Image, orientation: int) -> bytes:
    # a profile of CMYK or grey does not fit the RGB that the thumbnail has
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "P") else None
    mode = "RGBA" if image.has_transparency_data else "RGB"
    small = image if image.mode == mode else image.convert(mode)
    small.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    if orientation != UPRIGHT:
        small = _turn(small, orientation)
    file = BytesIO()
    small.save(file, THUMBNAIL_FORMAT.pillow, quality=80, icc_profile=profile, exif=b"")
    return file.getvalue()
