"""The files of the stand-in and their signed, expiring links; refuses to know messages."""

from __future__ import annotations

import hashlib
import hmac
import io
import mimetypes
import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from PIL import Image, UnidentifiedImageError

from bot.demo.errors import DiscordError
from bot.demo.shapes import Json, Upload

LIFE_OF_LINKS = 24 * 3600  # seconds a link lives
UPLOAD_LIMIT = 10 * 2**20  # bytes a file
REQUEST_LIMIT = 25 * 2**20  # bytes a message, all files together


class Files:
    """Every file that was sent, in ``folder`` or in memory. ``base_url``: where the CDN answers."""

    def __init__(self, folder: Path | None, clock: Callable[[], float], snowflake: Callable[[], str]) -> None:
        self.base_url = "http://127.0.0.1"
        self.limit = UPLOAD_LIMIT
        self.names: dict[str, tuple[str, str]] = {}  # attachment → (channel, name)
        self._folder = folder
        self._clock = clock
        self._snowflake = snowflake
        self._held: dict[str, bytes] = {}
        self._secret = b"limner-stand-in"

    def store(self, channel_id: str, upload: Upload, *, ephemeral: bool = False) -> Json:
        """Keep a file; returns its attachment JSON without links. Raises 40005 over the limit."""
        if len(upload.data) > self.limit:
            raise DiscordError(40005)
        file_id = self._snowflake()
        name = re.sub(r"[^\w.\-]", "_", upload.filename) or "unknown"
        self.names[file_id] = (channel_id, name)
        if self._folder is None:
            self._held[file_id] = upload.data
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / file_id).write_bytes(upload.data)
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        attachment: Json = {
            "id": file_id,
            "filename": name,
            "size": len(upload.data),
            "content_type": content_type,
        }
        if upload.description:
            attachment["description"] = upload.description
        if ephemeral:
            attachment["ephemeral"] = True
        if content_type.startswith("image/"):
            try:
                with Image.open(io.BytesIO(upload.data)) as picture:
                    attachment["width"], attachment["height"] = picture.size
            except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
                attachment["content_type"] = "application/octet-stream"
        return attachment

    def read(self, file_id: str) -> bytes | None:
        """Return a file's bytes, None where there is none."""
        if self._folder is None:
            return self._held.get(file_id)
        path = self._folder / os.path.basename(file_id)
        return path.read_bytes() if path.exists() else None

    def signature(self, file_id: str, expires: str, issued: str) -> str:
        """Return the signature of a CDN link."""
        words = f"{file_id} {expires} {issued}".encode()
        return hmac.new(self._secret, words, hashlib.sha256).hexdigest()

    def link(self, attachment: Json, channel_id: str) -> Json:
        """Return an attachment with fresh signed links."""
        issued = f"{int(self._clock()):x}"
        expires = f"{int(self._clock()) + LIFE_OF_LINKS:x}"
        file_id = attachment["id"]
        name = quote(attachment["filename"])
        sign = self.signature(file_id, expires, issued)
        url = f"{self.base_url}/attachments/{channel_id}/{file_id}/{name}?ex={expires}&is={issued}&hm={sign}&"
        return {**attachment, "url": url, "proxy_url": url}
