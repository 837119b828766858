"""Undoing the encoding of a body as its bytes come in, never past a limit."""

from __future__ import annotations

import zlib

from ingest.failures import Refused

MAX_MEMBERS = 1000  # of one gzip stream; each holds 64 KiB and more where several are meant

_GZIP = b"\x1f\x8b"


class Decoder:
    """Undoes one Content-Encoding as bytes come in (RFC 9110 §8.4.1), several gzip members in a row too."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower().removeprefix("x-")
        if self._encoding not in ("", "identity", "gzip", "deflate"):
            raise Refused("decoding", f"the body is encoded as {self._encoding[:40]!r}, which was not asked for")
        self._plain = self._encoding in ("", "identity")
        self._inflater: zlib._Decompress | None = None
        self._members = 0
        self._held = b""  # what may be the first half of the mark of another gzip member
        self.ended = False

    def feed(self, chunk: bytes, room: int) -> bytes:
        """Return what *chunk* decodes to, at most *room* bytes of it; nothing once *ended*."""
        if self._plain:
            return chunk
        out = bytearray()
        chunk, self._held = self._held + chunk, b""
        try:
            while chunk and len(out) < room and not self.ended:
                if self._inflater is None or self._inflater.eof:
                    self._begin(chunk)
                    if self.ended or self._held:
                        break
                assert self._inflater is not None
                out += self._inflater.decompress(chunk, room - len(out))
                chunk = self._inflater.unused_data
        except zlib.error as e:
            raise Refused("decoding", f"the body is no {self._encoding} stream ({e})") from e
        return bytes(out)

    def _begin(self, chunk: bytes) -> None:
        """Make ready for the stream that starts with *chunk*; servers pad the end of one, and that is its end."""
        if self._inflater is not None and chunk == _GZIP[:1] and self._encoding == "gzip":
            self._held = chunk
        elif self._inflater is not None and not (self._encoding == "gzip" and chunk.startswith(_GZIP)):
            self.ended = True
        elif self._members == MAX_MEMBERS:
            raise Refused("decoding", f"the body is in more than {MAX_MEMBERS:,} gzip members")
        else:
            self._members += 1
            self._inflater = self._make(chunk)

    def finish(self) -> None:
        """Refuse a stream that ended too early."""
        if self._inflater is not None and not self._inflater.eof:
            raise Refused("decoding", f"the {self._encoding} stream ends too early")

    def _make(self, chunk: bytes) -> zlib._Decompress:
        if self._encoding == "gzip":
            return zlib.decompressobj(wbits=31)
        # "deflate" means zlib; some servers send it raw, without the zlib header whose low nibble is 8
        return zlib.decompressobj(wbits=15 if chunk[0] & 0x0F == 8 else -15)
