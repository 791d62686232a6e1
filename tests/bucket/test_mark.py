from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from importer.bucket import mark as marks
from importer.bucket.mark import DatabaseMapping, Mark, Owner

TEXTS = st.text() | st.text(alphabet='[importer {"v":1}] \\', max_size=40) | st.just('x [importer {"v":1}]')
NUMBERS = st.none() | st.integers(0, 2**63)

MARKS = st.builds(
    Mark,
    role=st.sampled_from(["staging", "live", "old", "lock"]),
    load_id=TEXTS,
    target=TEXTS,
    phase=st.sampled_from(["loading", "swapping", "finishing", "done"]),
    since=TEXTS,
    owner=st.none() | st.builds(Owner, host=TEXTS, machine=TEXTS, pid=st.integers(0, 2**31)),
    points=NUMBERS,
    values=NUMBERS,
    partner=st.none() | TEXTS,
    mappings=st.lists(st.builds(DatabaseMapping, TEXTS, TEXTS, st.booleans()), max_size=3).map(tuple),
    keep_old=st.booleans(),
    origin_load_id=st.none() | TEXTS,
)


@given(TEXTS, MARKS)
def test_a_text_and_a_mark_come_back_as_they_were_written(text: str, mark: Mark) -> None:
    assert marks.read(marks.write(text, mark)) == (text, mark)


@given(TEXTS, MARKS, MARKS)
def test_a_mark_in_the_users_own_text_is_text(text: str, inner: Mark, mark: Mark) -> None:
    text = marks.write(text, inner)
    assert marks.read(marks.write(text, mark)) == (text, mark)


@given(st.text())
def test_a_description_without_a_mark_is_the_users_text(text: str) -> None:
    assert marks.read(text) == (text, None)


def test_what_only_resembles_a_mark_is_the_users_text() -> None:
    whole = marks.write("", Mark(role="live", load_id="a", target="b", phase="done"))
    for garbage in (
        "[importer {}]",
        "[importer {not json}]",
        '[importer {"v":2,"role":"live","load_id":"a","target":"b","phase":"done"}]',
        whole.replace("live", "dead"),
        whole[:-1],
        whole + " and more",
        whole.replace("importer", "exporter"),
    ):
        assert marks.read(garbage) == (garbage, None)


def test_a_mark_of_a_later_importer_with_more_in_it_is_read() -> None:
    mark = Mark(role="live", load_id="a", target="b", phase="done", values=3)
    more = marks.write("", mark).replace("{", '{"later":[1,2],', 1)
    assert marks.read(more) == ("", mark)


def test_an_absent_description_is_an_empty_text() -> None:
    assert marks.read(None) == ("", None)
