from __future__ import annotations

import gzip

import pytest

from importer.choices import Compression
from importer.server.connection import Connection
from importer.sink.compression import Encoding, compressed, encoding_for


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8086",
        "http://127.3.2.1:8086",
        "http://[::1]:8086",
        "http://localhost:8086",
        "http://LOCALHOST",
    ],
)
def test_to_this_machine_nothing_is_compressed_unasked(url: str) -> None:
    connection = Connection(url, "t", "o")
    assert encoding_for("auto", is_local=connection.is_to_this_machine) == "identity"


@pytest.mark.parametrize(
    "url", ["https://192.0.2.2", "https://[2001:db8::1]", "https://influx.example", "https://0.0.0.0"]
)
def test_to_other_machines_all_is_compressed_unasked(url: str) -> None:
    connection = Connection(url, "t", "o")
    assert encoding_for("auto", is_local=connection.is_to_this_machine) == "gzip"


@pytest.mark.parametrize("is_local", [True, False])
@pytest.mark.parametrize(("asked", "encoding"), [("gzip", "gzip"), ("none", "identity")])
def test_an_option_decides_wherever_the_server_is(asked: Compression, encoding: Encoding, *, is_local: bool) -> None:
    assert encoding_for(asked, is_local=is_local) == encoding


@pytest.mark.parametrize("body", [b"", b"m v=1 1\n", bytes(range(256)) * 5_000])
def test_what_is_compressed_is_gzip_that_any_reader_unpacks(body: bytes) -> None:
    assert gzip.decompress(compressed(body, "gzip")) == body
    assert compressed(body, "identity") is body
