"""Sources by URL: all of the file, or an error, whatever happens to the connection."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from importer.errors import ConfigurationError, LoadInterruptedError, SourceError
from importer.source import http
from importer.source.addresses import shown_address
from importer.source.bounds import Bounds
from importer.source.open import Stream, expand
from importer.source.reader import Reader
from tests.source.test_typed import read
from tests.tls_front import Certificates, tls_front
from tests.web_files import web_file

TEXT = b"a,b\n" + b"".join(b"%d,x%d\n" % (n, n * 7919) for n in range(20_000))


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_WAIT_SECONDS", 0.005)


def fetched(url: str, *, stop: threading.Event | None = None, **bounds: Any) -> bytes:
    with Stream(expand([url])[0], "utf-8", bounds=Bounds(**bounds), stop=stop) as stream:
        found = b"".join(iter(stream.read, b""))
        assert stream.sha256 == hashlib.sha256(TEXT).hexdigest()
        assert stream.stored_bytes == len(TEXT)
    return found


def refused(said: str, url: str, **bounds: Any) -> None:
    with pytest.raises(SourceError, match=said):
        fetched(url, **bounds)


@pytest.mark.parametrize("chunked", [True, False])
def test_a_file_on_a_web_server_is_read_whole(chunked: bool) -> None:  # noqa: FBT001 - a parameter
    with web_file(data=TEXT, chunked=chunked) as file:
        assert fetched(file.url) == TEXT
    assert len(file.asked) == 1


@pytest.mark.parametrize(
    ("kept", "by_parts"),
    [
        ({}, True),
        ({"chunked": True}, True),
        ({"tag": None, "modified": "Sat, 20 Mar 2021 00:22:00 GMT"}, True),
        ({"tag": 'W/"weak"'}, False),
        ({"tag": None}, False),
        ({"ranges": False}, True),
        ({"most": 30_000}, True),
    ],
)
def test_a_connection_that_breaks_again_and_again_loses_and_repeats_nothing(
    kept: dict[str, Any],
    by_parts: bool,  # noqa: FBT001 - a parameter
) -> None:
    with web_file(data=TEXT, cuts=[100_000, 7, 60_000, 0, 150_000, 0], **kept) as file:
        assert fetched(file.url) == TEXT
    assert len(file.asked) > 2
    assert any(asked for asked, _ in file.asked) == by_parts


@pytest.mark.parametrize("kept", [{}, {"tag": None}, {"tag": None, "modified": "Sat, 20 Mar 2021 00:22:00 GMT"}])
@pytest.mark.parametrize("longer", [True, False])
def test_a_file_that_changed_between_two_connections_is_an_error(longer: bool, kept: dict[str, Any]) -> None:  # noqa: FBT001
    with web_file(data=TEXT, cuts=[100_000], **kept) as file:
        stream = Stream(expand([file.url])[0])
        file.data = b"A" + TEXT[1:] + (b"1,2\n" if longer else b"")
        file.tag, file.modified = file.tag and '"v2"', file.modified and "Sun, 21 Mar 2021 00:22:00 GMT"
        with stream, pytest.raises(SourceError, match=r"data.csv' was changed while it was being read"):
            b"".join(iter(stream.read, b""))


def test_a_length_that_is_never_reached_is_an_error_and_no_shorter_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_TRIES", 3)
    with web_file(data=TEXT, length=str(len(TEXT) + 10), tag=None) as file:
        refused(rf"beyond byte {len(TEXT):,}: .*broke off; tried 3 times", file.url)


def test_an_answer_that_does_not_say_where_it_ends_is_refused() -> None:
    with web_file(data=TEXT, length="") as file, pytest.raises(SourceError, match="does not say how long it is"):
        fetched(file.url)


def test_a_download_that_stands_still_is_tried_anew() -> None:
    with web_file(data=TEXT, cuts=[100_000], stall=True) as file:
        assert fetched(file.url, download_timeout_seconds=0.2) == TEXT
    assert len(file.asked) == 2


def test_a_download_that_stands_still_for_ever_is_an_error_that_names_the_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "MOST_TRIES", 2)
    with web_file(data=TEXT, cuts=[0] * 9, stall=True) as file:
        refused(r"nothing came for 0.1 s \(--download-timeout\); tried 2 times", file.url, download_timeout_seconds=0.1)


def test_one_who_waits_for_a_download_is_woken_up_when_the_load_is_to_stop() -> None:
    stop = threading.Event()
    with web_file(data=TEXT, cuts=[100_000], stall=True) as file:
        threading.Timer(0.2, stop.set).start()
        begun = time.monotonic()
        with pytest.raises(LoadInterruptedError, match="interrupted while reading 'http://127"):
            fetched(file.url, stop=stop)
    assert time.monotonic() - begun < 5


@contextmanager
def dripping(*answers: bytes) -> Iterator[str]:
    """A server that begins these answers, one for each connection, and goes on with the last one byte by byte."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for number, answer in enumerate(answers, 1):
                client, _ = listening.accept()
                with client, contextlib.suppress(OSError):
                    client.recv(1 << 16)
                    client.sendall(answer)
                    while number == len(answers) and not done.wait(0.02):
                        client.sendall(b"x")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/data.csv"
        done.set()
        thread.join(10)


HEAD = b"HTTP/1.1 200 OK\r\n"
LONG = HEAD + b"Content-Length: 1000000\r\n\r\n"
drips = pytest.mark.parametrize(
    "answers",
    [
        pytest.param([HEAD + b"X-Head: "], id="head"),
        pytest.param([LONG + b"a,b\n"], id="body"),
        pytest.param([HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\na,b\n\r\n4;"], id="chunk"),
        pytest.param([LONG + b"a,b\n" * 9999, LONG + b"a,b\n"], id="what was read before"),
    ],
)


@drips
def test_a_download_of_a_byte_now_and_then_ends_after_the_time_that_is_allowed(answers: list[bytes]) -> None:
    begun = time.monotonic()
    with dripping(*answers) as url:
        refused(r"took more than 0.5 s; allow more by --max-download-seconds", url, max_download_seconds=0.5)
    assert time.monotonic() - begun < 10


@drips
def test_whoever_waits_for_a_byte_now_and_then_is_woken_up_too(answers: list[bytes]) -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with dripping(*answers) as url, pytest.raises(LoadInterruptedError):
        fetched(url, stop=stop)


def test_time_that_the_load_takes_itself_is_no_time_of_the_download() -> None:
    with web_file(data=TEXT) as file, Stream(expand([file.url])[0], bounds=Bounds(max_download_seconds=1.0)) as stream:
        found = stream.read()
        time.sleep(1.1)
        assert found + b"".join(iter(stream.read, b"")) == TEXT


def test_a_server_that_is_overloaded_is_asked_again() -> None:
    with web_file(data=TEXT, statuses=[503, 429, 500]) as file:
        assert fetched(file.url) == TEXT


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, "no such file on the server"),
        (403, "does not allow it"),
        (401, "user:password@"),
        (418, "answered 418"),
        (206, "answered 206"),
    ],
)
def test_an_answer_that_is_not_the_file_is_an_error_in_words(status: int, said: str) -> None:
    with web_file(data=TEXT, statuses=[status]) as file, pytest.raises(SourceError, match=said):
        fetched(file.url)


def test_a_server_that_goes_on_to_fail_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_TRIES", 3)
    with (
        web_file(data=TEXT, statuses=[500] * 9) as file,
        pytest.raises(SourceError, match="answered 500; tried 3 times"),
    ):
        fetched(file.url)


def test_nobody_there_and_a_page_instead_of_data_are_errors_in_words() -> None:
    with web_file(data=TEXT, headers={"Content-Type": "text/html; charset=utf-8"}) as file:
        refused("a web page, not with data", file.url)
    refused("nobody answers there", file.url)


def test_a_redirect_is_followed_but_not_for_ever_and_takes_no_password_along() -> None:
    with web_file(data=TEXT) as file, web_file(statuses=[302], headers={"Location": file.url}) as first:
        assert fetched(first.url.replace("//", "//me:secret-word@")) == TEXT
        assert first.asked[0][1] is not None
        assert file.asked == [(None, None)]
    with web_file(statuses=[302] * 9) as round_and_round:
        round_and_round.headers["Location"] = round_and_round.url
        refused("from one address to the next, more than 5 times", round_and_round.url)


def test_a_redirect_from_https_to_http_or_to_a_file_is_refused(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    with (
        web_file(data=TEXT) as plain,
        web_file(statuses=[301], headers={"Location": plain.url}) as first,
        tls_front(first.url, certificates["good"]) as secure,
    ):
        refused("from https to 'http:", f"{secure}/data.csv")
    for target in ("file:///etc/passwd", "ftp://127.0.0.1/x"):
        with web_file(statuses=[307], headers={"Location": target}) as file:
            refused(f"leads to '{target}', which is not read", file.url)


def test_a_certificate_that_nobody_vouches_for_is_refused(certificates: Certificates) -> None:
    with web_file(data=TEXT) as file, tls_front(file.url, certificates["good"]) as secure:
        refused("certificate is not accepted", f"{secure}/data.csv")


def test_no_connection_is_kept_of_sources_that_are_not_read_to_their_end() -> None:
    def downloads() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "download" and thread.is_alive()]

    how: dict[str, Any] = {"delimiter": ",", "encoding": "utf-8", "wanted": lambda header, _: tuple(header)}
    with web_file(data=TEXT) as file, web_file(data=b"\n") as blank:
        with Reader(expand([file.url]), **how) as reader:
            next(reader.blocks())
        with pytest.raises(SourceError, match="the first line is blank"):
            Reader(expand([file.url, blank.url]), **how)
        for thread in downloads():
            thread.join(2)
    assert not downloads()


def test_more_than_is_allowed_is_not_fetched() -> None:
    for kept in ({}, {"chunked": True}):
        with web_file(data=TEXT, **kept) as file:
            refused(r"and 1,000 are allowed; allow more by --max-download-bytes", file.url, max_download_bytes=1000)


def test_a_compressed_file_and_one_of_typed_columns_are_read_by_url(tmp_path: Path) -> None:
    with web_file(data=gzip.compress(TEXT), cuts=[50_000]) as file, Stream(expand([file.url])[0]) as stream:
        assert b"".join(iter(stream.read, b"")) == TEXT
    pl.DataFrame({"a": range(50_000)}).write_parquet(tmp_path / "in.parquet")
    with web_file(data=(tmp_path / "in.parquet").read_bytes(), cuts=[50_000]) as file:
        rows, _ = read(file.url, scratch=tmp_path / "state")
    assert rows == [(str(n),) for n in range(50_000)]
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://host/x.csv", "ftp:// is not read; these are: http, https, s3"),
        ("file:///etc/passwd", "file:// is not read; give the path alone"),
        ("http:///x.csv", "it needs a host"),
        ("http://host:port/x.csv", "it needs a host"),
        ("http://host/a b.csv", "a space or a control character"),
        ("http://user:geheim12345@host/a b.csv", "'http://host/a b.csv' has a space"),
    ],
)
def test_an_address_that_is_not_read_is_refused_before_anything_is_asked(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        expand([url])


def test_what_is_secret_in_an_address_is_in_no_name_of_it() -> None:
    url = "https://me:pass-word@host:8443/a%20b.csv?X-Amz-Signature=abcdef&page=2#x"
    assert shown_address(url) == "https://host:8443/a%20b.csv?X-Amz-Signature=***&page=***"
    assert shown_address("https://host/a.csv?abcdef") == "https://host/a.csv?***"
    first, second = expand([url, url.replace("abcdef", "fedcba")])
    assert second.name == first.name + " (2)"
    assert "pass-word" not in repr(first)
    with pytest.raises(ConfigurationError, match="is named twice"):
        expand([url, url])
