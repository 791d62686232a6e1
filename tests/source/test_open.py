from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
import zstandard

from importer.errors import ConfigurationError, SourceError
from importer.source import open as opening
from importer.source.bounds import Bounds
from importer.source.open import Source, Stream, canonical_encoding, expand
from tests.source.reading import read

TEXT = b"a,b\n" + b"".join(b"%d,x%d\n" % (n, n * 7919) for n in range(5_000))


def content(data: bytes, encoding: str = "utf-8", *, piece_bytes: int = 1 << 20) -> bytes:
    with patch.object(opening, "READ_BYTES", piece_bytes):
        stream = Stream(Source("in.csv", None, None), encoding, io.BytesIO(data))
        return b"".join(iter(stream.read, b""))


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


PACKERS = pytest.mark.parametrize("pack", [gzip.compress, _zstd])
PIECES = pytest.mark.parametrize("piece_bytes", [1, 3, 1000, 1 << 20])


@PACKERS
@PIECES
def test_compressed_text_is_known_by_its_content(pack: Callable[[bytes], bytes], piece_bytes: int) -> None:
    assert content(pack(TEXT[:2000]), piece_bytes=piece_bytes) == TEXT[:2000]


@PACKERS
@PIECES
def test_members_one_after_another_are_one_text(pack: Callable[[bytes], bytes], piece_bytes: int) -> None:
    packed = pack(b"a,b\n1,") + pack(b"") + pack(b"2\n") + pack(b"3,4\n")
    assert content(packed, piece_bytes=piece_bytes) == b"a,b\n1,2\n3,4\n"


@PIECES
def test_zeros_behind_and_between_gzip_members_are_padding(piece_bytes: int) -> None:
    packed = gzip.compress(b"a\n") + b"\0" * 5000 + gzip.compress(b"1\n") + b"\0" * 10_000
    assert content(packed, piece_bytes=piece_bytes) == b"a\n1\n"


def test_a_byte_order_mark_is_known_although_it_is_decompressed_byte_by_byte() -> None:
    packer = zlib.compressobj(wbits=31)
    packed = b"".join(
        packer.compress(bytes([byte])) + packer.flush(zlib.Z_SYNC_FLUSH) for byte in b"\xef\xbb\xbfa\n1\n"
    )
    assert content(packed + packer.flush(), piece_bytes=1) == b"a\n1\n"


@PACKERS
@pytest.mark.parametrize("cut", [1, 20, 1000])
@PIECES
def test_compressed_text_that_ends_too_early_is_no_source(
    pack: Callable[[bytes], bytes], cut: int, piece_bytes: int
) -> None:
    with pytest.raises(SourceError, match=r"'in.csv' is damaged: it ends in the middle"):
        content(pack(TEXT)[:-cut], piece_bytes=max(piece_bytes, 100))


@PACKERS
def test_compressed_text_with_a_wrong_byte_is_no_source(pack: Callable[[bytes], bytes]) -> None:
    # Digests do not compress: the byte that is wrong is one of the text, which the checksum alone can tell.
    noise = "".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(150)).encode()
    packed = bytearray(
        pack(noise) if pack is gzip.compress else zstandard.ZstdCompressor(write_checksum=True).compress(noise)
    )
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(SourceError, match="is damaged"):
        content(bytes(packed))


@PACKERS
def test_text_behind_compressed_text_is_no_source(pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(SourceError, match="is damaged"):
        content(pack(b"a\n1\n") + b"2\n")


@PACKERS
def test_text_that_swells_a_thousandfold_comes_in_small_pieces(pack: Callable[[bytes], bytes]) -> None:
    packed = pack(b"a\n" + b"0" * (64 << 20))
    stream = Stream(Source("in.csv", None, None), "utf-8", io.BytesIO(packed), Bounds(max_expansion=100_000))
    sizes = [len(piece) for piece in iter(stream.read, b"")]
    assert sum(sizes) == 2 + (64 << 20)
    assert max(sizes) <= 24 << 20


@pytest.mark.parametrize(("pack", "least"), [(gzip.compress, 500), (_zstd, 5_000)])
def test_text_that_swells_beyond_the_bound_is_no_source_and_says_how_to_allow_it(
    pack: Callable[[bytes], bytes], least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "EXPANSION_JUDGED_FROM_BYTES", 1 << 20)
    packed = pack(b"a\n" + b"0" * (8 << 20))
    source = Source("in.csv", None, None)
    with pytest.raises(SourceError, match=rf"more than {least} times as many; .*--max-expansion"):
        b"".join(iter(Stream(source, "utf-8", io.BytesIO(packed), Bounds(max_expansion=least)).read, b""))
    small = pack(b"a\n" + b"0" * (1 << 19))  # what is small may swell
    stream = Stream(source, "utf-8", io.BytesIO(small), Bounds(max_expansion=1))
    assert sum(map(len, iter(stream.read, b""))) == 2 + (1 << 19)


def test_a_zstd_frame_that_asks_for_a_huge_window_is_no_source_and_says_how_to_unpack_it() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=30)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(TEXT) + packer.flush()
    with pytest.raises(SourceError, match=r"is damaged: it asks for more than 128 MiB.*zstd -dc --long=31"):
        content(packed)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["gzip", "junk"], "what follows its part 1 is not compressed"),
        (["gzip", "gzip", "junk"], "what follows its part 2 is not compressed"),
        (["zstd", "junk"], "what follows its part 1 is not compressed"),
        (["gzip with a wrong sum"], "its checksum is wrong"),
        (["zstd with a wrong sum"], "its checksum is wrong"),
        (["gzip, half of it"], "it ends in the middle"),
    ],
)
def test_damaged_compressed_text_says_what_is_wrong_with_it_and_how_much_stands_before(
    names: list[str], said: str
) -> None:
    summed = zstandard.ZstdCompressor(write_checksum=True).compress(TEXT)
    zipped = gzip.compress(TEXT)
    kinds = {
        "gzip": zipped,
        "zstd": summed,
        "junk": b"trailing garbage",
        "gzip, half of it": zipped[: len(zipped) // 2],
    }
    kinds["gzip with a wrong sum"] = zipped[:-8] + bytes([zipped[-8] ^ 1]) + zipped[-7:]
    kinds["zstd with a wrong sum"] = summed[:-1] + bytes([summed[-1] ^ 1])
    with pytest.raises(SourceError, match=rf"'in.csv' is damaged: {said}.* bytes of text stand before it"):
        content(b"".join(kinds[name] for name in names))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-8-sig"])
@PIECES
def test_text_in_another_encoding_is_read_and_its_offsets_are_those_of_the_source(
    encoding: str, piece_bytes: int
) -> None:
    text = "ä,b\n" + "".join(f"é{n},ü\n" for n in range(9)) + "1\n"
    data = text.encode(encoding)
    found = read(data, encoding=canonical_encoding(encoding), block_bytes=7, piece_bytes=piece_bytes)
    assert found.columns == ("ä", "b")
    assert [row[0] for row in found.rows] == [f"é{n}" for n in range(9)]
    (reject,) = found.rejects
    assert (reject.line, reject.byte_offset) == (11, len(text.removesuffix("1\n").encode(encoding)))


@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("said", ["utf-16", "utf-16-{}"])
def test_a_utf_16_byte_order_mark_is_obeyed_and_is_no_part_of_the_text(order: str, said: str) -> None:
    data = "\ufeffa,b\n1,𝄞\n2,3\n".encode(f"utf-16-{order}")
    found = read(data, encoding=canonical_encoding(said.format(order)), piece_bytes=1)
    assert found.columns == ("a", "b")
    assert found.rows == [("1", "𝄞"), ("2", "3")]
    assert found.places == [(2, 10), (3, 20)]


def test_utf_16_that_nobody_spoke_of_is_named() -> None:
    with pytest.raises(SourceError, match="say --encoding utf-16"):
        content("a,b\n".encode("utf-16"))


def test_text_that_is_not_in_the_encoding_said_is_no_source() -> None:
    with pytest.raises(SourceError, match=r"is not cp1252 .*say --encoding NAME"):
        content(b"a\n\x81\n", "cp1252")
    with pytest.raises(SourceError, match="is not utf-16-le"):
        content("a\n1\n".encode("utf-16-le")[:-1], "utf-16-le")


@pytest.mark.parametrize("name", ["latin1", "UTF8", "windows-1252", "utf-8-sig"])
def test_an_encoding_may_be_named_in_any_way_that_python_knows(name: str) -> None:
    assert canonical_encoding(name) in {"iso8859-1", "utf-8", "cp1252"}


@pytest.mark.parametrize("name", ["nonsense", "rot13", "base64", ""])
def test_what_is_no_text_encoding_is_refused_with_examples(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"unknown encoding .*examples: utf-8"):
        canonical_encoding(name)


def test_the_hash_and_length_are_those_of_the_bytes_as_stored() -> None:
    packed = gzip.compress(TEXT)
    stream = Stream(Source("in.csv", None, None), "utf-8", io.BytesIO(packed))
    assert b"".join(iter(stream.read, b"")) == TEXT
    assert (stream.stored_bytes, stream.sha256) == (len(packed), hashlib.sha256(packed).hexdigest())


def test_standard_input_is_read_and_left_open() -> None:
    stdin = io.BytesIO(b"a\n1\n")
    with Stream(Source("-", None, None), "utf-8", stdin) as stream:
        assert stream.read() == b"a\n1\n"
    assert not stdin.closed


def test_the_matches_of_a_glob_are_sorted_and_sources_stay_in_the_order_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("z.csv", "b2.csv", "b1.csv", "b3.txt"):
        Path(name).write_text("a\n", encoding="utf-8")
    Path("b0.csv").mkdir()
    assert [source.name for source in expand(["z.csv", "b*.csv", "-"])] == ["z.csv", "b1.csv", "b2.csv", "-"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "a[1].csv").write_text("a\n", encoding="utf-8")
    (source,) = expand([tmp_path / "a[1].csv"])
    assert (source.path, source.size_bytes) == (tmp_path / "a[1].csv", 2)


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        ([], ConfigurationError, "no source named"),
        (["missing.csv"], SourceError, r"no such file: 'missing.csv' \(looked in "),
        (["*.nothing"], SourceError, r"no file matches '\*.nothing'"),
        (["folder"], SourceError, r"'folder' is a folder: name its files, such as 'folder/\*.csv'"),
        (["a.csv", "./a.csv"], ConfigurationError, "'./a.csv' is named twice"),
        (["a.csv", "*.csv"], ConfigurationError, "'a.csv' is named twice"),
        (["-", "-"], ConfigurationError, "'-' is named twice"),
        (["a.csv/b.csv"], SourceError, "cannot read 'a.csv/b.csv': Not a directory"),
        (["x" * 300], SourceError, "cannot read 'xxx.*: File name too long"),
    ],
)
def test_a_source_that_cannot_be_is_refused_with_the_reason(
    names: list[str], error: type[Exception], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("a\n", encoding="utf-8")
    Path("folder").mkdir()
    with pytest.raises(error, match=message):
        expand(names)


def test_a_file_that_cannot_be_opened_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot read 'x': Is a directory"):
        Stream(Source("x", tmp_path, None))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"BZh91AY", "bzip2 -dc"),
        (b"\xfd7zXZ\x00..", "xz -dc"),
        (b"PK\x03\x04...", "unzip -p"),
    ],
)
def test_what_is_compressed_in_another_way_is_named_with_the_way_out(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=f"gzip and zstd are read.*{said}"):
        Stream(expand([path])[0])


def _read_of(source: Source) -> bytes:
    with Stream(source) as stream:
        return b"".join(iter(stream.read, b""))


@pytest.mark.skipif(not Path("/proc/self/mounts").exists(), reason="there is no /proc")
def test_a_file_of_the_kernel_that_has_no_size_but_gives_text_is_read() -> None:
    (source,) = expand(["/proc/self/mounts"])
    assert source.size_bytes is None
    assert _read_of(source) == Path("/proc/self/mounts").read_bytes() != b""


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no /proc")
def test_a_file_that_gives_an_input_output_error_is_no_source() -> None:
    with pytest.raises(SourceError, match="cannot read '/proc/self/mem' beyond byte 0: Input/output error"):
        _read_of(expand(["/proc/self/mem"])[0])


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"7,8\n")


def _replace(path: Path) -> None:
    other = path.with_name("other.csv")
    shutil.copy2(path, other)  # the very same size and time of change
    other.rename(path)


CHANGES = {
    "grows": (_grow, r"was changed while it was being read \(4,194,308 bytes became 4,194,312\)"),
    "shrinks": (lambda path: os.truncate(path, 1 << 21), r"was changed .*\(4,194,308 bytes became 2,097,152\)"),
    "is written over": (lambda path: path.write_bytes(b"x" * len(path.read_bytes())), "the same size, but other"),
    "is replaced": (_replace, "was replaced by another file while it was being read"),
    "is removed": (Path.unlink, "was removed while it was being read|cannot read .* No such file"),
}


@pytest.mark.parametrize("when", ["before it is opened", "in the middle", "at the end"])
@pytest.mark.parametrize("how", CHANGES)
def test_a_file_that_changes_is_no_source(how: str, when: str, tmp_path: Path) -> None:
    change, said = CHANGES[how]
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * (1 << 20))
    os.utime(path, ns=(0, 10**18))
    (source,) = expand([path])
    reads = {"before it is opened": 0, "in the middle": 2, "at the end": 5}[when]

    def read_meanwhile() -> None:
        if not reads:
            change(path)
        with Stream(source) as stream:
            for number in range(1, 7):
                if number == reads:
                    change(path)
                stream.read()

    with pytest.raises(SourceError, match=said):
        read_meanwhile()


def test_a_file_that_nobody_changes_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(TEXT)
    assert _read_of(expand([path])[0]) == TEXT
