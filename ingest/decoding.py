"""Undoing the encoding of a body as its bytes come in, never past a limit."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Protocol

import brotli
from backports import zstd

from ingest.failures import Refused

ACCEPTED = "gzip, br, zstd, deflate"  # Accept-Encoding
MAX_MEMBERS = 1000  # of one gzip or zstd stream; each holds 64 KiB and more where several are meant
ZSTD_WINDOW = 23  # log2 of bytes: 8 MiB, as much as a body may ask for (RFC 9659)

_BROKEN = (zlib.error, brotli.error, zstd.ZstdError)


class Codec(Protocol):
    """One compressed stream; that of zlib and of zstd as it is."""

    @property
    def eof(self) -> bool:
        """Whether the stream has come to its end."""

    @property
    def unused_data(self) -> bytes:
        """What came after the end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return what *data* decodes to, *max_length* bytes and a little more at most."""


class _Brotli:
    """A brotli stream, to which nothing may be added behind its end."""

    unused_data = b""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    @property
    def eof(self) -> bool:
        return bool(self._stream.is_finished())

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return bytes(self._stream.process(data, output_buffer_limit=max_length))


def _inflater(start: bytes) -> Codec:
    # "deflate" means zlib; some servers send it raw, without the zlib header whose low nibble is 8
    return zlib.decompressobj(wbits=15 if start[0] & 0x0F == 8 else -15)


CODECS: dict[str, Callable[[bytes], Codec]] = {  # by the first bytes of a stream
    "gzip": lambda start: zlib.decompressobj(wbits=31),
    "deflate": _inflater,
    "br": lambda start: _Brotli(),
    "zstd": lambda start: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW}),
}
MEMBER = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}  # how a further stream in the same body begins, where there may be one


class Decoder:
    """Undoes one Content-Encoding as bytes come in (RFC 9110 §8.4.1), several gzip or zstd members in a row too."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower().removeprefix("x-")
        self._plain = self._encoding in ("", "identity")
        if not self._plain and self._encoding not in CODECS:
            raise Refused("decoding", f"the body is encoded as {self._encoding[:40]!r}, which was not asked for")
        self._codec: Codec | None = None
        self._members = 0
        self._held = b""  # what may be the start of the mark of another member
        self.ended = False

    def feed(self, chunk: bytes, room: int) -> bytes:
        """Return what *chunk* decodes to, at most *room* bytes of it and a little more; nothing once *ended*."""
        if self._plain:
            return chunk
        out = bytearray()
        chunk, self._held = self._held + chunk, b""
        try:
            while chunk and len(out) < room and not self.ended:
                if self._codec is None or self._codec.eof:
                    self._begin(chunk)
                    if self.ended or self._held:
                        break
                assert self._codec is not None
                out += self._codec.decompress(chunk, room - len(out))
                chunk = self._codec.unused_data
        except _BROKEN as e:
            raise Refused("decoding", f"the body is no {self._encoding} stream ({e})") from e
        return bytes(out)

    def _begin(self, chunk: bytes) -> None:
        """Make ready for the stream that starts with *chunk*; servers pad the end of one, and that is its end."""
        mark = MEMBER.get(self._encoding)
        if self._codec is not None and mark and len(chunk) < len(mark) and mark.startswith(chunk):
            self._held = chunk
        elif self._codec is not None and not (mark and chunk.startswith(mark)):
            self.ended = True
        elif self._members == MAX_MEMBERS:
            raise Refused("decoding", f"the body is in more than {MAX_MEMBERS:,} {self._encoding} members")
        else:
            self._members += 1
            self._codec = CODECS[self._encoding](chunk)

    def finish(self) -> None:
        """Refuse a stream that ended too early."""
        if self._codec is not None and not self._codec.eof:
            raise Refused("decoding", f"the {self._encoding} stream ends too early")
