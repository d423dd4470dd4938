"""Real images, and ones that are out to do harm, made on the spot."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

ORIENTATION, GPS, MAKE = 0x0112, 0x8825, 0x010F
PLACE = b"Erika's house"


def image(format: str = "PNG", size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: Any) -> bytes:
    """Return an image whose left half is red and whose right half is blue."""
    picture = Image.new("RGB", size, "red")
    picture.paste("blue", (size[0] // 2, 0, *size))
    file = BytesIO()
    picture.convert(mode).save(file, format, **options)
    return file.getvalue()


def photo(format: str = "JPEG", orientation: int = 1) -> bytes:
    """Return an image that tells where and with what it was taken."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[MAKE] = PLACE.decode()
    exif[GPS] = {1: "N", 2: (52.0, 31.0, 12.0)}
    options: dict[str, Any] = {"quality": 95} if format == "JPEG" else {}
    return image(format, exif=exif.tobytes(), **options)


def exif_of(data: bytes) -> dict[int, Any]:
    with Image.open(BytesIO(data)) as opened:
        return dict(opened.getexif())


def animation(frames: int, format: str = "GIF", size: tuple[int, int] = (4, 4)) -> bytes:
    pictures = [Image.new("RGB", size, (index % 256, index // 256, 0)) for index in range(frames)]
    file = BytesIO()
    options = {"lossless": True} if format == "WEBP" else {}  # else nearly equal frames become one
    pictures[0].save(file, format, save_all=True, append_images=pictures[1:], duration=20, **options)
    return file.getvalue()


def gif_of_tiny_frames(frames: int) -> bytes:
    """Return a GIF of a few bytes a frame; Pillow would fold equal frames into one."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\x00" * 6 + frame * frames + b";"


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_bomb(width: int, height: int) -> bytes:
    """Return a valid one-bit PNG of any size: a thousand times smaller than what it unpacks to."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")


def jpeg_claiming(width: int, height: int) -> bytes:
    data = bytearray(image("JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def webp_claiming(width: int, height: int) -> bytes:
    data = bytearray(animation(2, "WEBP"))
    at = data.index(b"VP8X") + 12
    data[at : at + 6] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


def jpeg_of_many_scans(scans: int) -> bytes:
    """Return a progressive JPEG that repeats its last scan: each one costs a pass over all pixels."""
    data = image("JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + data[-2:]
