"""Takes uploads in without ever keeping more than the limit, on disk or in memory."""

from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class BoundedUploadHandler(FileUploadHandler):
    """Keeps one byte more than ``MEDIA_MAX_BYTES`` of all files together, and throws the rest away.

    The one byte more lets the service see that the file is too large; reading on to the end lets the client see the
    answer. Django's own handlers would first write the whole body to disk.
    """

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self.room_bytes: int = settings.MEDIA_MAX_BYTES + 1
        self.kept = BytesIO()

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        piece = raw_data[: self.room_bytes]
        self.room_bytes -= len(piece)
        self.kept.write(piece)
        return None

    def file_complete(self, file_size: int) -> UploadedFile:
        self.kept.seek(0)
        return UploadedFile(
            file=self.kept, name=self.file_name, content_type=self.content_type, size=file_size, charset=self.charset
        )
