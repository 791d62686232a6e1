import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import SourceError
from importer.tsm import booleans, floats, integers, simple8b, strings, times
from importer.tsm.layout import Origin
from importer.tsm.varint import read_uvarint, uvarint, uvarints
from tests.tsm import plainly
from tests.tsm.columns import FLOATS, SIGNED, TIMES, blocks_of, flat, lengths_of

examples = settings(deadline=None, max_examples=40)
ORIGINS = st.sampled_from(["compaction", "snapshot"])


@examples
@given(blocks_of(TIMES), ORIGINS)
def test_times_are_encoded_as_the_server_does_and_read_again(blocks: list[list[int]], origin: Origin) -> None:
    encoded = times.encode(np.array(flat(blocks), dtype=np.int64), lengths_of(blocks), origin)

    assert encoded == [plainly.times(block, origin) for block in blocks]
    assert [times.decode(each).tolist() for each in encoded] == blocks


@examples
@given(blocks_of(SIGNED), ORIGINS)
def test_integers_are_encoded_as_the_server_does_and_read_again(blocks: list[list[int]], origin: Origin) -> None:
    encoded = integers.encode(np.array(flat(blocks), dtype=np.int64), lengths_of(blocks), origin)

    assert encoded == [plainly.integers(block, origin) for block in blocks]
    assert [integers.decode(each).tolist() for each in encoded] == blocks


@examples
@given(blocks_of(st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 2**64 - 1, 2**63]), min_size=1)), ORIGINS)
def test_unsigned_numbers_come_back(blocks: list[list[int]], origin: Origin) -> None:
    encoded = integers.encode(np.array(flat(blocks), dtype=np.uint64), lengths_of(blocks), origin)

    assert [integers.decode_unsigned(each).tolist() for each in encoded] == blocks


@examples
@given(st.lists(FLOATS, min_size=1, max_size=5))
def test_floats_are_encoded_as_the_server_does_and_read_again_bit_by_bit(blocks: list[list[float]]) -> None:
    encoded = floats.encode(np.array(flat(blocks)), lengths_of(blocks))

    assert encoded == [plainly.floats(block) for block in blocks]
    for block, each in zip(blocks, encoded, strict=True):
        assert floats.decode(each).tobytes() == np.array(block).tobytes()


@examples
@given(st.lists(st.lists(st.booleans(), min_size=1), min_size=1, max_size=5))
def test_booleans_come_back(blocks: list[list[bool]]) -> None:
    encoded = booleans.encode(np.array(flat(blocks), dtype=np.bool_), lengths_of(blocks))

    assert [booleans.decode(each).tolist() for each in encoded] == blocks
    assert [len(each) for each in encoded] == [2 + (len(block) + 7) // 8 for block in blocks]


@examples
@given(
    st.lists(
        st.lists(
            st.binary() | st.sampled_from([b"", b"\r\n", b"\0", b"\xff", "ä".encode(), b"x" * 127, b"y" * 20_000]),
            min_size=1,
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(0, 3),
)
def test_texts_of_any_bytes_and_length_come_back(blocks: list[list[bytes]], skipped: int) -> None:
    texts = pa.array([b"skipped"] * skipped + flat(blocks), type=pa.large_binary()).slice(skipped)

    encoded = strings.encode(texts, lengths_of(blocks))

    assert [strings.decode(each).to_pylist() for each in encoded] == blocks


@pytest.mark.parametrize("origin", ["compaction", "snapshot"])
@pytest.mark.parametrize(
    ("before", "ones", "behind"), [(0, 120, 5), (3, 239, 0), (1, 240, 0), (5, 500, 9), (2, 999, 0)]
)
def test_many_steps_of_one_are_left_out_where_the_server_does(
    origin: Origin, before: int, ones: int, behind: int
) -> None:
    steps = np.array([1, *[7] * before, *[1] * ones, *[9] * behind])
    block = np.cumsum(steps)

    assert times.encode(block, np.array([block.size]), origin) == [plainly.times(block.tolist(), origin)]
    # A step of -1 is 1 once its sign is in its lowest bit.
    assert integers.encode(-block, np.array([block.size]), origin) == [plainly.integers((-block).tolist(), origin)]


def test_many_blocks_at_once_are_encoded_like_each_by_itself() -> None:
    random = np.random.default_rng(7)
    lengths = random.choice([1, 2, 3, 240, 999, 1000], size=60)
    steps = random.integers(1, 50, size=int(lengths.sum())) * 10 ** random.integers(0, 4)
    walk, parts = np.cumsum(steps), np.split(np.arange(lengths.sum()), np.cumsum(lengths)[:-1])
    values = np.round(walk / 7, 1)

    together = times.encode(walk, lengths), integers.encode(-walk, lengths), floats.encode(values, lengths)

    alone = [np.array([part.size]) for part in parts]
    assert together[0] == [times.encode(walk[part], n)[0] for part, n in zip(parts, alone, strict=True)]
    assert together[1] == [integers.encode(-walk[part], n)[0] for part, n in zip(parts, alone, strict=True)]
    assert together[2] == [floats.encode(values[part], n)[0] for part, n in zip(parts, alone, strict=True)]


@examples
@given(st.lists(st.integers(0, simple8b.LARGEST) | st.integers(0, 3), max_size=300))
def test_packed_numbers_come_back(values: list[int]) -> None:
    words, counts = simple8b.pack(np.array(values, dtype=np.uint64), np.array([len(values)]), "anywhere")

    assert simple8b.unpack(words).tolist() == values
    assert counts.tolist() == [words.size]


@examples
@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 300)))
def test_numbers_of_variable_length_come_back(values: list[int]) -> None:
    data, sizes = uvarints(np.array(values, dtype=np.uint64))

    assert data.tobytes() == b"".join(map(uvarint, values))
    assert sizes.tolist() == [len(uvarint(value)) for value in values]
    assert [read_uvarint(uvarint(value), 0) for value in values] == [(value, len(uvarint(value))) for value in values]


@examples
@given(st.binary(max_size=40), st.sampled_from([b"\x00", b"\x10", b"\x13", b"\x20", b"\x2f", b""]))
def test_damaged_blocks_give_values_or_an_error_of_the_importers(data: bytes, head: bytes) -> None:
    for decode in (times.decode, integers.decode, floats.decode, booleans.decode, strings.decode):
        try:
            decode(head + data)
        except SourceError:
            continue
