"""Bodies that come in pieces; those of a real server are in ``test_fetch.py``."""

from __future__ import annotations

import gzip

from ingest.decoding import Decoder

BODY = b"<rss><channel><title>Example</title></channel></rss>"
ROOM = 1024 * 1024  # bytes


def test_gzip_members_are_told_apart_wherever_they_are_cut() -> None:
    packed = gzip.compress(BODY[:20]) + gzip.compress(BODY[20:]) + b"\x1fx"
    for cut in range(1, len(packed)):
        decoder = Decoder("gzip")
        assert decoder.feed(packed[:cut], ROOM) + decoder.feed(packed[cut:], ROOM) + decoder.feed(b"more", ROOM) == BODY
        assert decoder.ended
        decoder.finish()
