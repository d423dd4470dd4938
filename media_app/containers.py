"""Walks the container of an image without decoding a pixel: checks that it is whole, measures it, leaves out metadata.

The picture's own data is copied byte by byte, so that nothing loses quality and animations stay as they are.
Left out: EXIF (places, cameras, people), XMP, IPTC, comments, and whatever stands behind the end of the image.
Kept: colour profiles, and what says how to show the picture.

Measuring comes first because a decoder may reserve memory for the size that a header claims.

Sources: ITU-T T.81 (JPEG), https://www.w3.org/TR/png-3/, https://www.w3.org/Graphics/GIF/spec-gif89a.txt,
https://developers.google.com/speed/webp/docs/riff_container
"""

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from media_app.formats import GIF, JPEG, PNG, WEBP, ImageFormat

MAX_FRAMES = 500
MAX_SCANS = 100  # a progressive JPEG has about ten; each one costs a pass over all pixels
MAX_PARTS = 1_000_000  # chunks or blocks; a real GIF of 20 MB has about 80,000


class BrokenImage(Exception):
    """The container is cut short or malformed, or has more parts than a picture needs; the text says which."""


@dataclass(frozen=True)
class Cleaned:
    """An image without metadata.

    Args:
        width, height: as the container says, before any turning.
        exif: the EXIF data that was left out, for its orientation.
    """

    data: bytes
    width: int
    height: int
    frames: int = 1
    exif: bytes = b""


def container_clean(format: ImageFormat, data: bytes) -> Cleaned:
    """Return the image without its metadata.

    Raises:
        BrokenImage: it is not whole.
    """
    try:
        cleaned = _CLEANERS[format](data)
    except (IndexError, struct.error) as exc:
        raise BrokenImage("The image is cut short.") from exc
    if not cleaned.width or not cleaned.height:
        raise BrokenImage("The image has no width or no height.")
    if cleaned.frames > MAX_FRAMES:
        raise BrokenImage(f"The animation has more than {MAX_FRAMES} frames; shorten it.")
    return cleaned


def _piece(data: bytes, start: int, end: int) -> bytes:
    if end > len(data):
        raise IndexError(end)
    return data[start:end]


# --- JPEG -----------------------------------------------------------------------------------------------------
_AFTER_SCAN = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset(range(0xD0, 0xD8)) | {0x01}
_APP_KEPT = {0xE0: b"JFIF\x00", 0xE2: b"ICC_PROFILE\x00", 0xEE: b"Adobe"}
_COMMENT, _END, _SCAN, _APP1 = 0xFE, 0xD9, 0xDA, 0xE1


def _clean_jpeg(data: bytes) -> Cleaned:
    parts, at, scans = [data[:2]], 2, 0
    width, height, exif = 0, 0, b""
    while True:
        at, marker = _jpeg_marker(data, at)
        if marker == _END:
            parts.append(b"\xff\xd9")
            return Cleaned(b"".join(parts), width, height, exif=exif)
        if marker in _STANDALONE:
            at += 2
            continue
        end = at + 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
        body = _piece(data, at + 4, end)
        if marker == _SCAN:
            scans += 1
            end = _scan_end(data, end, scans)
        elif marker in _SIZES:
            seen_height, seen_width = struct.unpack_from(">HH", body, 1)
            width, height = max(width, seen_width), max(height, seen_height)
        elif marker == _APP1 and body.startswith(b"Exif\x00\x00"):
            exif = exif or body
        if _jpeg_keeps(marker, body):
            parts.append(data[at:end])
        at = end


def _jpeg_marker(data: bytes, at: int) -> tuple[int, int]:
    if data[at] != 0xFF:
        raise BrokenImage("The JPEG is malformed.")
    while data[at + 1] == 0xFF:  # fill bytes
        at += 1
    return at, data[at + 1]


def _scan_end(data: bytes, start: int, scans: int) -> int:
    if scans > MAX_SCANS:
        raise BrokenImage(f"The JPEG has more than {MAX_SCANS} scans; save it again.")
    found = _AFTER_SCAN.search(data, start)
    if found is None:
        raise IndexError(start)
    return found.start()


def _jpeg_keeps(marker: int, body: bytes) -> bool:
    if marker in _APP_KEPT:
        return body.startswith(_APP_KEPT[marker])
    return marker != _COMMENT and not 0xE0 <= marker <= 0xEF


# --- PNG ------------------------------------------------------------------------------------------------------
_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP cICP sBIT bKGD pHYs acTL fcTL fdAT".split(),
)


def _clean_png(data: bytes) -> Cleaned:
    parts, at = [data[:8]], 8
    width, height, frames, exif = 0, 0, 0, b""
    for _ in range(MAX_PARTS):
        length, name = struct.unpack_from(">I4s", data, at)
        chunk = _piece(data, at, at + 12 + length)
        if name == b"IHDR":
            width, height = struct.unpack_from(">II", chunk, 8)
        elif name == b"eXIf":
            exif = chunk[8:-4]
        frames += name == b"fcTL"
        if name in _PNG_KEPT:
            parts.append(chunk)
        if name == b"IEND":
            return Cleaned(b"".join(parts), width, height, max(1, frames), exif)
        at += len(chunk)
    raise BrokenImage("The PNG has too many chunks; save it again.")


# --- GIF ------------------------------------------------------------------------------------------------------
_GIF_END, _GIF_IMAGE, _GIF_EXTENSION, _GIF_CONTROL, _GIF_APPLICATION = 0x3B, 0x2C, 0x21, 0xF9, 0xFF
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def _clean_gif(data: bytes) -> Cleaned:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at, frames = 13 + _palette_bytes(flags), 0
    parts = [_piece(data, 0, at)]
    for _ in range(MAX_PARTS):
        start, kind = at, data[at]
        if kind == _GIF_END:
            return Cleaned(b"".join([*parts, b";"]), width, height, frames)
        if kind == _GIF_IMAGE:
            left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, at + 1)
            width, height = max(width, left + wide), max(height, top + high)
            frames += 1
            at = _blocks_end(data, at + 11 + _palette_bytes(flags))
        elif kind == _GIF_EXTENSION:
            at = _blocks_end(data, at + 2)
        else:
            raise BrokenImage("The GIF is malformed.")
        if kind == _GIF_IMAGE or _gif_keeps(data, start):
            parts.append(_piece(data, start, at))
        if frames > MAX_FRAMES:
            return Cleaned(b"", width, height, frames)
    raise BrokenImage("The GIF has too many blocks; save it again.")


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks_end(data: bytes, at: int) -> int:
    for _ in range(MAX_PARTS):
        size = data[at]
        at += size + 1
        if not size:
            return at
    raise BrokenImage("The GIF has too many blocks; save it again.")


def _gif_keeps(data: bytes, start: int) -> bool:
    label = data[start + 1]
    loops = label == _GIF_APPLICATION and data[start + 3 : start + 14] in _GIF_LOOPS
    return label == _GIF_CONTROL or loops


# --- WebP -----------------------------------------------------------------------------------------------------
_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_WEBP_METADATA_FLAGS = 0x08 | 0x04  # EXIF, XMP


def _clean_webp(data: bytes) -> Cleaned:
    end = 8 + struct.unpack_from("<I", data, 4)[0]
    _piece(data, 0, end)
    parts: list[bytes] = []
    at, frames, exif = 12, 0, b""
    width, height = 0, 0
    while at + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, at)
        chunk = _piece(data, at, min(at + 8 + length + length % 2, max(end, at + 8 + length)))
        seen_width, seen_height = _webp_size(name, chunk[8:])
        width, height = max(width, seen_width), max(height, seen_height)
        if name == b"EXIF":
            exif = chunk[8:]
        frames += name == b"ANMF"
        if name in _WEBP_KEPT and len(parts) <= MAX_FRAMES + 10:
            parts.append(_without_metadata_flags(chunk) if name == b"VP8X" else chunk)
        at += len(chunk)
    body = b"WEBP" + b"".join(parts)
    return Cleaned(b"RIFF" + struct.pack("<I", len(body)) + body, width, height, max(1, frames), exif)


def _webp_size(name: bytes, body: bytes) -> tuple[int, int]:
    if name == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if name == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if name == b"VP8L":
        bits = struct.unpack_from("<I", body, 1)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0


def _without_metadata_flags(chunk: bytes) -> bytes:
    return chunk[:8] + bytes([chunk[8] & ~_WEBP_METADATA_FLAGS]) + chunk[9:]


_CLEANERS: Mapping[ImageFormat, Callable[[bytes], Cleaned]] = {
    PNG: _clean_png,
    JPEG: _clean_jpeg,
    GIF: _clean_gif,
    WEBP: _clean_webp,
}
