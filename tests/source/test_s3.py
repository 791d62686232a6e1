"""Sources in S3, from a server of its kind on this machine."""

from __future__ import annotations

import gzip
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from importer.errors import ConfigurationError, LoadInterruptedError, SourceError
from importer.source.bounds import Bounds
from importer.source.open import Stream, expand
from tests.fault_proxy import fault_proxy
from tests.source.test_typed import read


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of a server with a bucket ``data``."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - slow to import

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def keys(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "AWS_ENDPOINT_URL": s3,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, text)


@pytest.mark.usefixtures("keys")
def test_an_object_in_s3_is_read_like_any_file(tmp_path: Path) -> None:
    import s3fs  # noqa: PLC0415 - an extra

    files = s3fs.S3FileSystem(skip_instance_cache=True)
    files.mkdir("data")
    text = b"a,b\n" + b"".join(b"%d,x\n" % n for n in range(9000))
    files.pipe_file("data/in.csv.gz", gzip.compress(text))
    with Stream(expand(["s3://data/in.csv.gz"])[0]) as stream:
        assert b"".join(iter(stream.read, b"")) == text
    pl.DataFrame({"a": [1, 2]}).write_parquet(tmp_path / "in.parquet")
    files.put_file(tmp_path / "in.parquet", "data/in.parquet")
    assert read("s3://data/in.parquet", scratch=tmp_path)[0] == [("1",), ("2",)]
    with pytest.raises(SourceError, match=r"cannot read 's3://data/out.csv': there is no such bucket or object"):
        Stream(expand(["s3://data/out.csv"])[0])
    with pytest.raises(SourceError, match="and 1,000 are allowed; allow more by --max-download-bytes"):
        Stream(expand(["s3://data/in.csv.gz"])[0], bounds=Bounds(max_download_bytes=1000))
    long = text * 200  # more than is asked for at once
    files.pipe_file("data/long.csv", long)
    with Stream(expand(["s3://data/long.csv"])[0]) as stream:
        stream.read()
        files.pipe_file("data/long.csv", long.replace(b"x", b"y"))
        with pytest.raises(SourceError, match="it was changed while it was being read"):
            b"".join(iter(stream.read, b""))


@pytest.mark.usefixtures("keys")
def test_an_object_that_comes_too_slowly_is_waited_for_no_longer_than_is_allowed_and_wanted(
    s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs  # noqa: PLC0415 - an extra

    files = s3fs.S3FileSystem(skip_instance_cache=True)
    files.mkdir("slow")
    files.pipe_file("slow/in.csv", b"a,b\n" + b"1,x\n" * 1_500_000)
    began = time.monotonic()
    with fault_proxy(s3) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)

        def read_slowly(seconds: float, stop: threading.Event) -> None:
            bounds = Bounds(max_download_seconds=seconds)
            with Stream(expand(["s3://slow/in.csv"])[0], "utf-8", bounds=bounds, stop=stop) as stream:
                stream.read()

        proxy.bytes_per_second = 200_000  # all of it would take half a minute
        with pytest.raises(SourceError, match=r"more than 1\.5 s; allow more by --max-download-seconds"):
            read_slowly(1.5, threading.Event())
        stop = threading.Event()
        threading.Timer(1.0, stop.set).start()
        with pytest.raises(LoadInterruptedError):
            read_slowly(60, stop)
        proxy.latency_seconds = 30
        with pytest.raises(SourceError, match=r"more than 0\.5 s"):
            read_slowly(0.5, threading.Event())
    assert time.monotonic() - began < 15


def test_without_the_extra_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'importer\[s3\]'"):
        Stream(expand(["s3://data/in.csv"])[0])
