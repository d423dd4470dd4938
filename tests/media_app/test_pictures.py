"""What is taken as an image, what is refused, and what is left of its metadata."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO

import pytest
from PIL import Image

from base.problems import InvalidInput, TooLarge
from media_app.pictures import Picture, picture_read
from tests.media_app import images

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def read(data: bytes, declared_type: str = "") -> Picture:
    return picture_read(BytesIO(data), declared_type)


def refusal(data: bytes, declared_type: str = "") -> str:
    with pytest.raises(InvalidInput) as caught:
        read(data, declared_type)
    assert [fault.path for fault in caught.value.errors] == ["/file"]
    return caught.value.errors[0].message


def opened(data: bytes) -> Image.Image:
    picture = Image.open(BytesIO(data))
    picture.load()
    return picture


@pytest.mark.parametrize(
    ("format", "content_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/gif")],
)
def test_each_format_is_told_by_its_bytes(format: str, content_type: str):
    picture = read(images.image(format))
    assert picture.format.content_type == content_type
    assert (picture.width, picture.height) == (40, 20)
    assert opened(picture.data).format == format


@pytest.mark.parametrize("declared", ["", "application/octet-stream", "image/jpeg", "IMAGE/JPG; charset=x"])
def test_an_honest_or_silent_client_is_believed(declared: str):
    assert read(images.image("JPEG"), declared).format.extension == "jpg"


def test_a_file_that_lies_about_its_type_is_refused():
    assert "said to be image/png, but it is image/jpeg" in refusal(images.image("JPEG"), "image/png")


@pytest.mark.parametrize("declared", ["", "image/png", "image/svg+xml"])
@pytest.mark.parametrize(
    "data",
    [
        SVG,
        b"<html>",
        b"%PDF-1.7",
        images.image("BMP"),
        images.image("TIFF"),
        images.image("ICO"),
        b"RIFF\x00\x00\x00\x00WAVE",
    ],
    ids=["svg", "html", "pdf", "bmp", "tiff", "ico", "wav"],
)
def test_anything_else_is_refused(data: bytes, declared: str):
    assert "PNG, JPEG, WebP or GIF" in refusal(data, declared)


def test_an_empty_file_is_refused():
    assert "empty" in refusal(b"")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_image_cut_anywhere_is_refused(format: str):
    data = images.image(format, (64, 64))
    for length in range(13, len(data), max(1, len(data) // 40)):
        refusal(data[:length])


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF"])
def test_damaged_bytes_never_end_in_anything_but_a_refusal_or_an_image(format: str):
    data = images.image(format, (16, 16))
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        with suppress(InvalidInput):
            read(bytes(damaged))


def test_a_whole_container_around_damaged_pixels_is_refused():
    data = bytearray(images.image("PNG", (200, 200)))
    at = data.index(b"IDAT") + 8
    data[at : at + 8] = b"\x00" * 8
    assert "damaged" in refusal(bytes(data))


BOMBS = {
    "png": lambda: images.png_bomb(20_000, 20_000),
    "jpeg": lambda: images.jpeg_claiming(65_500, 65_500),
    "webp": lambda: images.webp_claiming(16_383, 16_383),
    "gif frames": lambda: images.gif_of_tiny_frames(5000),
    "webp frames": lambda: images.animation(600, "WEBP"),
    "jpeg scans": lambda: images.jpeg_of_many_scans(5000),
    "gif blocks": lambda: b"GIF89a\x01\x00\x01\x00\x00\x00\x00\x21\xfe" + b"\x01a" * 1_100_000 + b"\x00;",
    "png chunks": lambda: images.image("PNG")[:33] + images.png_chunk(b"tEXt", b"") * 1_100_000,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_an_image_bomb_is_refused_in_little_memory(bomb: str):
    data = BOMBS[bomb]()
    tracemalloc.start()
    refusal(data)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < len(data) * 3 + 1_000_000


def test_the_pixels_of_all_frames_count(settings):
    settings.MEDIA_MAX_PIXELS = 10_000
    assert read(images.animation(4, "GIF", (100, 100))).width == 100
    assert "5 frames" in refusal(images.animation(5, "GIF", (100, 100)))


def test_a_gif_frame_larger_than_its_canvas_counts_as_what_it_is(settings):
    settings.MEDIA_MAX_PIXELS = 100
    data = bytearray(images.image("GIF", (40, 20)))
    data[6:10] = b"\x01\x00\x01\x00"
    assert "40 x 20" in refusal(bytes(data))


def test_the_limits_hold_in_many_threads_at_once(settings):
    settings.MEDIA_MAX_PIXELS = 1000
    good, bomb = images.image("PNG", (40, 20)), images.png_bomb(100, 100)

    def kinds(index: int) -> str:
        return refusal(bomb) if index % 2 else str(read(good).width)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(kinds, range(40)))
    assert set(answers[::2]) == {"40"}
    assert all("at most 1000" in answer for answer in answers[1::2])


def test_a_file_over_the_limit_is_refused_and_read_to_its_end(settings):
    settings.MEDIA_MAX_BYTES = 1000
    stream = BytesIO(images.image("PNG") + b"x" * 200_000)
    with pytest.raises(TooLarge, match="larger than 1000 bytes"):
        picture_read(stream)
    assert stream.read() == b""


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_metadata_is_left_out(format: str):
    data = images.photo(format)
    assert images.PLACE in data
    picture = read(data)
    assert images.PLACE not in picture.data
    assert images.exif_of(picture.data) == {}
    assert images.exif_of(picture.thumbnail) == {}


def test_comments_and_xmp_are_left_out():
    secret = b"taken at home"
    files = [
        images.image("GIF", comment=secret),
        images.image("JPEG", comment=secret),
        images.image("JPEG", xmp=secret),
        images.image("WEBP", xmp=secret),
        images.image("PNG")[:33] + images.png_chunk(b"tEXt", b"Place\x00" + secret) + images.image("PNG")[33:],
        images.image("PNG") + secret,
        images.image("JPEG") + secret,
    ]
    for data in files:
        assert secret in data
        assert secret not in read(data).data


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF"])
def test_no_pixel_changes(format: str):
    data = images.image(format)
    assert opened(read(data).data).convert("RGB").tobytes() == opened(data).convert("RGB").tobytes()


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_an_animation_stays_one(format: str):
    picture = read(images.animation(6, format))
    with Image.open(BytesIO(picture.data)) as animated:
        assert animated.n_frames == 6  # type: ignore[attr-defined]


def test_a_colour_profile_is_kept():
    profile = b"\x00" * 128
    assert opened(read(images.image("JPEG", icc_profile=profile)).data).info["icc_profile"] == profile


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(("orientation", "size", "red"), [(3, (40, 20), (35, 10)), (6, (20, 40), (10, 5))])
def test_a_turned_photo_is_shown_upright(format: str, orientation: int, size: tuple[int, int], red: tuple[int, int]):
    picture = read(images.photo(format, orientation))
    assert (picture.width, picture.height) == size
    small = opened(picture.thumbnail)
    assert small.size == size
    pixel = small.convert("RGB").getpixel(red)
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200 > 60 > pixel[2]
    kept = images.exif_of(picture.data)
    assert kept == ({images.ORIENTATION: orientation} if format == "JPEG" else {})


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_thumbnail_is_a_small_webp_of_the_same_shape(format: str):
    small = opened(read(images.image(format, (1600, 800))).thumbnail)
    assert small.format == "WEBP"
    assert small.size == (320, 160)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_colour_mode_gets_a_thumbnail(mode: str):
    assert opened(read(images.image("PNG", mode=mode)).thumbnail).size == (40, 20)


def test_a_cmyk_jpeg_gets_a_thumbnail():
    assert opened(read(images.image("JPEG", mode="CMYK")).thumbnail).size == (40, 20)
