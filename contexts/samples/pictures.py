"""The two sample pictures, drawn when they are needed."""

import io
import math
from collections.abc import Callable
from typing import BinaryIO

from PIL import Image, ImageDraw

SIZE = (1200, 675)
PAPER, INK, ACCENT, PALE = "#f4f1ea", "#26323f", "#c8553d", "#8fa6b2"


def draw_picture(name: str) -> BinaryIO:
    """Return a PNG file.

    Raises:
        KeyError: there is no sample picture of that name.
    """
    image = Image.new("RGB", SIZE, PAPER)
    PICTURES[name](ImageDraw.Draw(image))
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    file.seek(0)
    return file


def _services(draw: ImageDraw.ImageDraw) -> None:
    middle = (SIZE[0] // 2, SIZE[1] // 2)
    around = [
        (middle[0] + round(400 * math.cos(turn)), middle[1] + round(230 * math.sin(turn)))
        for turn in (math.tau * place / 6 for place in range(6))
    ]
    for place, point in enumerate(around):
        draw.line([middle, point], fill=PALE, width=6)
        draw.line([point, around[(place + 1) % 6]], fill=PALE, width=3)
    for point in around:
        _box(draw, point, 85, 50, "#ffffff")
    _box(draw, middle, 110, 65, INK)
    draw.ellipse([middle[0] - 18, middle[1] - 18, middle[0] + 18, middle[1] + 18], fill=ACCENT)


def _box(draw: ImageDraw.ImageDraw, center: tuple[int, int], half_width: int, half_height: int, fill: str) -> None:
    x, y = center
    corners = [x - half_width, y - half_height, x + half_width, y + half_height]
    draw.rounded_rectangle(corners, radius=16, fill=fill, outline=INK, width=4)


def _pages(draw: ImageDraw.ImageDraw) -> None:
    for step in (2, 1, 0):
        left, top = 380 + 60 * step, 60 + 25 * step
        draw.rectangle([left, top, left + 380, top + 500], fill="#ffffff", outline=INK, width=4)
    draw.rectangle([420, 110, 640, 134], fill=ACCENT)
    for row in range(11):
        draw.rectangle([420, 170 + 32 * row, 720 - (row * 53) % 110, 180 + 32 * row], fill=PALE)


PICTURES: dict[str, Callable[[ImageDraw.ImageDraw], None]] = {"services": _services, "pages": _pages}
