from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl
import pytest

import importer
from importer import Analysis, AuthorizationError, ConfigurationError
from importer.analysis.figures import EXACT_VALUES, MAX_PARTS
from importer.analysis.records import FieldFigures
from importer.analysis.scope import read_tags
from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from importer.errors import NotFoundError, TransientServerError
from importer.limits import MAX_TIME_NS
from tests.bucket.test_counting import write_to_storage
from tests.fault_proxy import Fault, Request, fault_proxy
from tests.loading import Trial
from tests.points import write

SECOND = 10**9
T = 1_600_000_000 * SECOND
HOSTILE = '${x}"<script>alert(1)</script>'


def filled(trial: Trial, lines: list[str]) -> str:
    """A bucket with these lines in it."""
    made = catalogue.create(trial.server, trial.bucket, BucketSettings(0, 7 * 86_400), None)
    if lines:
        write(trial.server, made.id, "\n".join(lines))
    return made.id


def analyzed(trial: Trial, **options: Any) -> Analysis:
    return importer.analyze(trial.bucket, connection=trial.connection, **options)


def one(trial: Trial, **options: Any) -> FieldFigures:
    (figures,) = analyzed(trial, **options).fields
    return figures


def rows(count: int = 500) -> pl.DataFrame:
    """Irregular rows of three birds, one of which has no name."""
    chance = random.Random(7)  # noqa: S311
    return pl.DataFrame(
        {
            "t": sorted(T + chance.randrange(10**7) * SECOND // 10 + n for n in range(count)),
            "bird": [chance.choice(["Aino", "Ciro", ""]) for _ in range(count)],
            "f": [chance.gauss(0, 100) for _ in range(count)],
            "i": [chance.randrange(-(2**62), 2**62) for _ in range(count)],
            "u": [chance.randrange(2**63, 2**64) for _ in range(count)],
            "b": [chance.random() < 0.3 for _ in range(count)],
            "s": [chance.choice(["one", "two", "two", "three", "three", "three"]) for _ in range(count)],
        },
        schema_overrides={"u": pl.UInt64},
    )


def lines_of(frame: pl.DataFrame) -> list[str]:
    return [
        f"m{',bird=' + row['bird'] if row['bird'] else ''} f={row['f']!r},i={row['i']}i,u={row['u']}u,"
        f'b={str(row["b"]).lower()},s="{row["s"]}" {row["t"]}'
        for row in frame.iter_rows(named=True)
    ]


def nanoseconds(time: str | None) -> int:
    assert time is not None
    whole, fraction = time.removesuffix("Z").split(".")
    return int(datetime.fromisoformat(whole + "+00:00").timestamp()) * SECOND + int(fraction)


def check_times(found: FieldFigures, frame: pl.DataFrame) -> None:
    first, last = frame["t"].min(), frame["t"].max()
    assert isinstance(first, int)
    assert isinstance(last, int)
    assert (nanoseconds(found.first), nanoseconds(found.last)) == (first, last)
    assert found.per_second == pytest.approx((frame.height - 1) / ((last - first) / SECOND))
    assert found.per_hour == pytest.approx(3600 * (found.per_second or 0))
    steps = frame.sort("t").select(pl.col("t").diff().over("bird").alias("step"), "t").drop_nulls("step")
    median, longest = steps["step"].median(), steps["step"].max()
    assert isinstance(median, float)
    assert isinstance(longest, int)
    gaps = found.gaps
    assert gaps is not None
    assert gaps.median_seconds == pytest.approx(median / SECOND)
    assert gaps.longest_seconds == pytest.approx(longest / SECOND)
    begin = steps.filter(pl.col("step") == longest)["t"][0] - longest
    assert abs(nanoseconds(gaps.longest_start) - begin) <= 512, "what the server's intervals are exact to"
    assert gaps.count == steps.filter(pl.col("step") > median * 3).height > 0


def test_figures_of_every_type_are_those_that_polars_has_of_the_same_rows_whole_and_by_tag(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importer.analysis.figures.LIMITS_AT_ONCE", 2)
    frame = rows()
    filled(trial, lines_of(frame))
    found = analyzed(trial, by="bird")
    assert (found.count, found.by, found.warnings) == (5 * 500, "bird", ())
    assert [(each.field, each.type) for each in found.fields if each.tag is None] == [
        ("b", "boolean"),
        ("f", "float"),
        ("i", "integer"),
        ("s", "string"),
        ("u", "unsigned"),
    ]
    assert [each.tag.value for each in found.fields[1:4] if each.tag] == ["", "Aino", "Ciro"]
    for each in found.fields:
        part = frame if each.tag is None else frame.filter(pl.col("bird") == each.tag.value)
        assert (each.measurement, each.count, each.series) == ("m", part.height, 3 if each.tag is None else 1)
        check_times(each, part)
        column = part[each.field]
        if each.type in {"float", "integer", "unsigned"}:
            assert (each.minimum, each.maximum) == (column.min(), column.max())
            numbers = column.cast(pl.Float64)
            assert each.mean == pytest.approx(numbers.mean())
            for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
                assert getattr(each, name) == pytest.approx(numbers.quantile(q, "linear")), (each.field, name)
            assert (each.percentiles, each.distinct, each.true_count) == ("exact", None, None)
        elif each.type == "boolean":
            assert each.true_count == column.sum()
        else:
            counts = {text: int((column == text).sum()) for text in ("one", "two", "three")}
            assert (each.distinct, {text.text: text.count for text in each.frequent}) == (3, counts)
            assert [text.count for text in each.frequent] == sorted(counts.values(), reverse=True)


def test_windows_over_time_and_histogram_hold_every_value_once(trial: Trial) -> None:
    frame = rows()
    filled(trial, lines_of(frame))
    found = one(trial, fields="f", windows=20)
    assert sum(each.count for each in found.over_time) == sum(each.count for each in found.histogram) == 500
    assert found.window_ns is not None
    assert len(found.over_time) <= 20
    for window in found.over_time:
        inside = frame.filter(pl.col("t").is_between(window.start_ns, window.start_ns + found.window_ns, "left"))
        assert (window.count, window.minimum, window.maximum) == (inside.height, inside["f"].min(), inside["f"].max())
        assert window.mean == pytest.approx(inside["f"].mean())
    low = min(frame["f"])
    for bin_ in found.histogram:
        inside = frame.filter((pl.col("f") > low) & (pl.col("f") <= bin_.upper) | (pl.col("f") == frame["f"].min()))
        low = bin_.upper
        assert abs(bin_.count - inside.height + (bin_ is not found.histogram[0])) == 0, bin_


def test_of_very_many_values_percentiles_are_estimated_and_said_to_be(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert EXACT_VALUES == 10_000_000
    monkeypatch.setattr("importer.analysis.figures.EXACT_VALUES", 999)
    filled(trial, [f"m v={n} {T + n * SECOND}" for n in range(1000)])
    found = one(trial)
    assert found.percentiles == "estimated"
    assert found.p95 == pytest.approx(949, abs=3)


def test_a_part_of_the_time_is_from_the_start_to_just_before_the_stop(trial: Trial) -> None:
    filled(trial, [f"m v={n} {T + n * SECOND}" for n in range(10)])
    # T is 2020-09-13T12:26:40Z
    found = analyzed(trial, start="2020-09-13T12:26:42Z", stop="2020-09-13T14:26:45+02:00")
    assert (found.fields[0].minimum, found.fields[0].maximum, found.count) == (2, 4, 3)
    assert (found.start, found.stop) == ("2020-09-13T12:26:42.000000000Z", "2020-09-13T12:26:45.000000000Z")
    assert analyzed(trial, window="3s", stop="2020-09-13T12:26:45Z").fields[0].minimum == 2
    assert analyzed(trial, window="1d").fields == ()


def test_filters_leave_the_rest_out_and_values_of_one_tag_are_alternatives(trial: Trial) -> None:
    filled(trial, [f"{m},k={k} a=1,b=2 {T}" for m in ("one", "two") for k in "xyz"] + [f"one a=1 {T}"])
    found = analyzed(trial, measurements="one", fields=["a"], tags={"k": ["x", "z"]})
    assert [(each.measurement, each.field, each.series) for each in found.fields] == [("one", "a", 2)]
    assert found.filters == ("measurement one", "field a", "tag k = x or z")
    assert one(trial, tags={"k": ""}).series == 1
    assert read_tags(["k=x", "k=z", "l=a=b", "n="]) == {"k": ("x", "z"), "l": ("a=b",), "n": ("",)}


def test_hostile_names_are_names_and_nothing_else(trial: Trial) -> None:
    tag = HOSTILE.replace(" ", r"\ ").replace(",", r"\,").replace("=", r"\=")
    lines = [f'{tag},{tag}={tag},table=t,result=r,error=e,_by=b,_text=x {tag}="{n}" {T + n}' for n in range(3)]
    filled(trial, lines)
    found = analyzed(trial, by=HOSTILE, measurements=HOSTILE, fields=HOSTILE, tags={HOSTILE: HOSTILE, "error": "e"})
    assert [(each.measurement, each.field, each.count) for each in found.fields] == [(HOSTILE, HOSTILE, 3)] * 2
    assert found.fields[1].tag is not None
    assert found.fields[1].tag.value == HOSTILE
    for name, value in {"table": "t", "result": "r", "error": "e", "_by": "b", "_text": "x"}.items():
        part = analyzed(trial, by=name).fields[1]
        assert part.tag is not None
        assert (part.tag.key, part.tag.value, part.count, part.distinct) == (name, value, 3, 3)


def test_the_mean_of_great_integers_does_not_overflow(trial: Trial) -> None:
    filled(trial, [f"m v={2**62 + n}i {T + n}" for n in range(4)])
    found = one(trial)
    assert found.mean == pytest.approx(2**62)
    assert (found.minimum, found.maximum) == (2**62, 2**62 + 3)


def test_empty_texts_are_a_text_and_move_no_other(trial: Trial) -> None:
    filled(trial, [f'm s="{text}" {T + n}' for n, text in enumerate(["a", "", "b", "", "c"])])
    found = one(trial)
    assert (found.count, found.distinct) == (5, 4)
    assert {text.text: text.count for text in found.frequent} == {"": 2, "a": 1, "b": 1, "c": 1}


def test_empty_texts_that_are_read_twice_move_no_other_either(trial: Trial) -> None:
    texts = ["a", "", "b", "", "c"] * 600
    bucket_id = filled(trial, [f'm s="{text}" {n * SECOND}' for n, text in enumerate(texts)])
    write_to_storage(trial.server, bucket_id)
    write(trial.server, bucket_id, f'm s="d" {SECOND + 5}')
    found = one(trial, windows=10)
    assert (found.count, found.distinct, sum(each.count for each in found.over_time)) == (3001, 5, 3001)
    assert {text.text: text.count for text in found.frequent} == {"": 1200, "a": 600, "b": 600, "c": 600, "d": 1}


def test_times_before_1970_are_times(trial: Trial) -> None:
    filled(trial, [f"m v={n} {(n - 10) * SECOND - 1}" for n in range(5)])
    found = one(trial, windows=5)
    assert (found.first, found.last) == ("1969-12-31T23:59:49.999999999Z", "1969-12-31T23:59:53.999999999Z")
    assert [each.count for each in found.over_time] == [1] * 5


def test_a_block_that_the_server_reads_twice_is_counted_once(trial: Trial) -> None:
    bucket_id = filled(trial, [f"m v={n} {n * SECOND}" for n in range(3000)])
    write_to_storage(trial.server, bucket_id)
    write(trial.server, bucket_id, f"m v=1 {SECOND + 5}")
    found = one(trial, windows=10)
    assert (found.count, found.p50, found.mean) == (3001, 1499, pytest.approx((2999 * 1500 + 1) / 3001))
    assert found.gaps is not None
    assert (found.gaps.longest_seconds, found.gaps.count) == (1, 0)
    assert sum(each.count for each in found.over_time) == sum(each.count for each in found.histogram) == 3001


def test_a_field_of_two_types_gets_a_warning_instead_of_figures_of_a_part(trial: Trial) -> None:
    filled(trial, [f"m,k=a v=1 {T}", f"m,k=b v=2i {T + 100 * 86_400 * SECOND}", f"m w=1 {T}"])
    found = analyzed(trial, by="k")
    mixed = found.fields[0]
    assert (mixed.field, mixed.type, mixed.mean, mixed.gaps) == ("v", "mixed", None, None)
    (warning,) = found.warnings
    assert "stored as float and as integer" in warning
    assert [each.mean for each in found.fields if each.field == "w"] == [1, 1]


def test_the_last_nanosecond_which_queries_do_not_see_is_told_of(trial: Trial) -> None:
    filled(trial, [f"m v=1 {T}", f"m v=2 {MAX_TIME_NS}"])
    found = analyzed(trial)
    assert (found.count, found.fields[0].maximum) == (1, 1)
    (warning,) = found.warnings
    assert "1 values at 2262-04-11T23:47:16.854775806Z" in warning
    assert analyzed(trial, stop="2100-01-01").warnings == ()


def test_one_value_has_no_rate_and_no_gaps(trial: Trial) -> None:
    filled(trial, [f"m v=5 {T}"])
    found = one(trial, windows=10)
    assert (found.count, found.p99, found.per_hour, found.gaps) == (1, 5, None, None)
    assert [each.count for each in found.over_time] == [1]
    assert [each.count for each in found.histogram] == [1]


def test_an_empty_bucket_has_no_figures(trial: Trial) -> None:
    filled(trial, [])
    found = analyzed(trial, by="nothing", fields="nothing")
    assert (found.count, found.fields, found.warnings) == (0, (), ())


def test_names_that_are_not_there_are_refused_with_those_that_may_have_been_meant(trial: Trial) -> None:
    filled(trial, [f"birds,name=Aino lat=1 {T}"])
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"measurements": "brids"}, r"no measurement is named 'brids'; did you mean 'birds'\?"),
        ({"fields": "latt"}, r"no field is named 'latt'; did you mean 'lat'\?"),
        ({"by": "nam"}, r"no tag is named 'nam'; did you mean 'name'\?"),
        ({"tags": {"nam": "Aino"}}, r"no tag is named 'nam'; did you mean 'name'\?"),
        ({"tags": {"name": "Ainu"}}, r"no tag 'name' has the value 'Ainu'; did you mean 'Aino'\?"),
        ({"by": "_field"}, "that is no tag's name"),
        ({"window": "30y"}, "a length and a unit"),
        ({"gap_factor": 1}, "gap_factor is 1"),
        ({"windows": -1}, "windows is -1"),
    ]
    for options, message in wrong:
        with pytest.raises(ConfigurationError, match=message):
            analyzed(trial, **options)
    with pytest.raises(NotFoundError, match=f"there is no bucket '{trial.bucket}x'; did you mean '{trial.bucket}'"):
        importer.analyze(f"{trial.bucket}x", connection=trial.connection)
    with pytest.raises(ConfigurationError, match="write KEY=VALUE"):
        read_tags(["name"])


def test_a_tag_value_that_no_series_has_is_warned_of_beside_one_that_is_there(trial: Trial) -> None:
    filled(trial, [f"m,bird=Aino v=1 {T}"])
    found = analyzed(trial, tags={"bird": ["Aino", "Ainu"]})
    assert found.count == 1
    assert found.warnings == ("no tag 'bird' has the value 'Ainu'; did you mean 'Aino'?",)


def test_of_very_many_values_of_a_tag_the_first_ones_get_figures_and_a_warning_says_so(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_PARTS == 1_000
    monkeypatch.setattr("importer.analysis.figures.MAX_PARTS", 3)
    filled(trial, [f"m,k={key} v={n} {T + n * SECOND}" for key in "dcba" for n in range(4)] + [f"m v=1 {T}"])
    found = analyzed(trial, by="k")
    parts = [(each.tag.value, each.count, each.maximum, each.first) for each in found.fields[1:] if each.tag]
    first = found.fields[0].first
    assert parts == [("", 1, 1, first), ("a", 4, 3, first), ("b", 4, 3, first)]
    (warning,) = found.warnings
    assert "more than 3 values in 'm': figures are of the first ones, up to 'b'; 8 values of 'v' have others" in warning
    within = analyzed(trial, by="k", tags={"k": ["a", "b", "d"]})
    assert ([each.tag.value for each in within.fields if each.tag], within.warnings) == (["a", "b", "d"], ())


def test_a_filter_by_any_of_thousands_of_tag_values_and_keys_works(trial: Trial) -> None:
    wide = "".join(f",k{n:04d}=x" for n in range(1100))
    filled(trial, [f"m,k=v{n:04d} v=1 {T}" for n in range(1100)] + [f"wide{wide} v=1 {T}"])
    for measurement, key, value in (("m", "k", "v1099"), ("wide", "k1099", "x")):
        how: dict[str, Any] = {"measurements": measurement, "tags": {key: value}}
        assert one(trial, **how).count == 1
        assert analyzed(trial, **how, stop="2000-01-01").fields == ()
    assert one(trial, measurements="m", tags={"k": [f"v{n:04d}" for n in range(300)]}).count == 300
    with pytest.raises(ConfigurationError, match=r"no tag 'k' has the value 'zzzzz'.*\(1,000 or more in all\)"):
        analyzed(trial, measurements="m", tags={"k": ["v1099", "zzzzz"]}, stop="2000-01-01")


def test_a_server_that_is_away_for_a_moment_is_asked_again_whatever_is_asked(trial: Trial) -> None:
    filled(trial, [f"m v=1 {T}"])
    asked: set[str] = set()

    def away_at_first(request: Request) -> Fault | None:
        place = request.path.partition("?")[0]
        if place in asked:
            return None
        asked.add(place)
        return Fault(status=503)

    with fault_proxy(trial.connection.url) as proxy:
        proxy.rule = away_at_first
        through = replace(trial.connection, url=proxy.url)
        assert importer.analyze(trial.bucket, connection=through).count == 1
        assert {"/api/v2/orgs", "/api/v2/buckets", "/api/v2/dbrps", "/query", "/api/v2/query"} <= asked
        asked.clear()
        with pytest.raises(TransientServerError):
            importer.analyze(trial.bucket, connection=through, wait_seconds=0)


def test_a_token_that_may_only_read_the_bucket_gets_figures(trial: Trial) -> None:
    bucket_id = filled(trial, [f'm f=1,i=1i,b=true,s="x" {T}'])
    org = {"orgID": trial.server.org_id}
    allowed = [("buckets", bucket_id), ("orgs", trial.server.org_id)]
    permissions = [{"action": "read", "resource": {"type": kind, "id": which, **org}} for kind, which in allowed]
    permissions[1]["resource"].pop("orgID")
    body = {**org, "permissions": permissions}
    token = trial.server.call("POST", "/api/v2/authorizations", body=body)["token"]
    reader = importer.Connection(trial.connection.url, token, trial.connection.org)
    found = importer.analyze(trial.bucket, connection=reader)
    assert [each.type for each in found.fields] == ["boolean", "float", "integer", "string"]
    assert found.warnings == ()


def test_types_that_the_token_may_not_ask_for_are_taken_from_the_first_value(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(trial, [f'm f=1,i=1i,b=true,s="x" {T}'])
    found = analyzed(trial)

    def refused(*_: object) -> None:
        raise AuthorizationError("the server refuses the token (403)")

    monkeypatch.setattr("importer.analysis.analyze.field_types", refused)
    without_types = analyzed(trial)
    assert without_types.fields == found.fields
    (warning,) = without_types.warnings
    assert "each is taken from the first value" in warning
