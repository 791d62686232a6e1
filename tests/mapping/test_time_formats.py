from __future__ import annotations

import polars as pl
import pytest

from importer.mapping.parts import TimeSpec
from importer.mapping.time_formats import check_format, check_timezone
from importer.mapping.timestamps import parse_times

USABLE = (
    "%Y-%m-%d", "%F", "%F %T", "%F %R", "%FT%T%.f%z", "%d/%m/%Y %H:%M", "%-d/%-m/%Y", "%e %b %Y", "%d %B %Y", "%Y-%j",
    "%I:%M %p %F", "%l:%M:%S %P %F", "%k:%M %F", "%a %d %b %Y", "%A, %d %B %Y", "%h %d %Y", "%Y%%%m%%%d", "%F%n%T",
    "%F%t%T", "%F %T%.3f", "%F %T%.6f", "%F %T%.9f", "%F %T %:z", "%F %T%#z", "%Y%m%d%H%M%S", "(%F) [%T%.f] {x}",
)  # fmt: skip


@pytest.mark.parametrize("form", USABLE)
def test_a_format_that_is_allowed_can_be_computed(form: str) -> None:
    assert check_format(form) == form
    times = parse_times(pl.Series(["nonsense", None]), TimeSpec(column="t", format=form))
    assert [mask.to_list() for mask, _, _ in times.errors] == [[True, False]]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("%y-%m-%d", "a year of two digits, which is never guessed: write the century into the file"),
        ("%D", "a year of two digits"),
        ("%x", "a year of two digits"),
        ("%F %T.%f", r"write %.f, with the point in it"),
        ("%F %T.%3f", r"write %.3f"),
        ("%F %T.%.f", "holds the point already"),
        ("%c", "depends on a locale"),
        ("%F %T %Z", "not unique: give timezone, or an offset by %z"),
        ("%s", "write unix_s alone"),
        ("%s%.f", "write unix_s alone"),
        ("%Y-%m-%d %Q", "%Q is not known; there are: %Y"),
        ("%F %", "% is not known"),
        ("%H:%M:%S", "gives no complete date: year, month and day are needed"),
        ("%Y-%m", "gives no complete date"),
        ("%m-%d", "gives no complete date"),
        ("%Y-%m-%d %Y", "names a part twice"),
        ("%F %I:%M", "%I, the hour of twelve, needs %p"),
        ("%F %H", "an hour without a minute"),
        ("%F %H:%M%.f", "a fraction without a second"),
        ("iso", "none of rfc3339, unix_s, unix_ms, unix_us, unix_ns, nor a pattern such as %Y"),
        ("", "none of rfc3339"),
        ("%F %M", "cannot be computed: "),
        ("%F %B", "names a part twice"),
        ("%F %S %T", "names a part twice"),
    ],
)
def test_a_format_that_is_not_allowed_is_refused_with_what_to_write_instead(form: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_format(form)


@pytest.mark.parametrize("name", ["UTC", "Europe/Zurich", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "GMT"])
def test_a_zone_of_the_database_is_known(name: str) -> None:
    assert check_timezone(name) == name


@pytest.mark.parametrize(
    "name", ["", "CET2", "localtime", "posixrules", "Factory", "+01:00", "../UTC", "/etc/localtime"]
)
def test_what_is_no_zone_of_the_database_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(ValueError, match="an IANA name is needed, such as Europe/Zurich"):
        check_timezone(name)
