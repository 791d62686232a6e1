from __future__ import annotations

import ast
import importlib
import inspect
import io
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest
from influxdb_client import Point

import importer
from importer import ConfigurationError, CsvOptions, Hints, LoadOptions, Mapping, MappingError, RejectBudget, Report
from tests.loading import BIRDS, SAMPLE, SAMPLE_MAPPING, Trial, birds_csv

EXPORTED = {
    "Analysis",
    "AuthorizationError",
    "Backup",
    "BenchReport",
    "Bounds",
    "BucketDetails",
    "BucketExistsError",
    "BucketListing",
    "ConfigurationError",
    "Connection",
    "CsvOptions",
    "Exported",
    "Hints",
    "ImporterError",
    "Inspection",
    "Leftover",
    "LoadError",
    "LoadInProgressError",
    "LoadInterruptedError",
    "LoadOptions",
    "Mapping",
    "MappingError",
    "Measurement",
    "MeasurementError",
    "MeasurementWriter",
    "NotAcknowledgedError",
    "NotFoundError",
    "PlannedBucket",
    "RejectBudget",
    "RejectBudgetError",
    "Report",
    "RequestRefusedError",
    "RestoredBucket",
    "ResumeRefusedError",
    "ServerError",
    "ServerUnreachableError",
    "SourceError",
    "SpoolError",
    "TerminalServerError",
    "TransientServerError",
    "VerificationError",
    "analyze",
    "apply_buckets",
    "backup",
    "bench_api",
    "clean",
    "delete_bucket",
    "export",
    "generate",
    "inspect",
    "list_buckets",
    "load",
    "load_generated",
    "plot",
    "read",
    "restore",
    "show_bucket",
    "write_html",
    "write_mapping",
}


def test_exported_names_are_these_and_all_of_them_exist() -> None:
    assert set(importer.__all__) == EXPORTED
    assert all(hasattr(importer, name) for name in EXPORTED)


def test_names_are_what_type_checkers_take_them_for() -> None:
    tree = ast.parse(Path(importer.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    named = {name.name: str(node.module) for node in imports for name in node.names}
    assert named.keys() == EXPORTED
    for name, module in named.items():
        assert getattr(importer, name) is getattr(importlib.import_module(module), name)


def test_all_names_are_listed_and_no_others_are_there() -> None:
    code = "import importer; print(*dir(importer)); importer.nonsense"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert set(ended.stdout.split()) >= EXPORTED
    assert "AttributeError: module 'importer' has no attribute 'nonsense'" in ended.stderr


def test_every_error_is_caught_as_an_importer_error() -> None:
    errors = [getattr(importer, name) for name in EXPORTED if name.endswith("Error")]
    assert len(errors) == 21
    assert all(issubclass(error, importer.ImporterError) for error in errors)


@pytest.mark.parametrize(
    ("function", "returned"),
    [
        (importer.load, Report),
        (importer.clean, list[importer.Leftover]),
        (importer.backup, importer.Backup),
        (importer.restore, list[importer.RestoredBucket]),
        (importer.apply_buckets, list[importer.PlannedBucket]),
        (importer.list_buckets, list[importer.BucketListing]),
        (importer.show_bucket, importer.BucketDetails),
        (importer.delete_bucket, importer.BucketListing),
        (importer.analyze, importer.Analysis),
        (importer.write_html, type(None)),
        (importer.plot, type(None)),
        (importer.write_mapping, type(None)),
    ],
)
def test_functions_are_typed_and_every_argument_documented(function: Any, returned: Any) -> None:
    hints = typing.get_type_hints(function)
    parameters = set(inspect.signature(function).parameters)
    assert set(hints) == {*parameters, "return"}
    assert hints["return"] == returned
    assert (Path(importer.__file__).parent / "py.typed").exists()
    documented = inspect.getdoc(function) or ""
    assert [name for name in parameters if f"{name}: " not in documented] == []


@pytest.mark.usefixtures("environment")
def test_load_by_bucket_and_mapping_file_finds_the_server_as_the_command_line_does(trial: Trial) -> None:
    report = importer.load(SAMPLE, mapping=SAMPLE_MAPPING, bucket=trial.bucket)
    assert (report.status, report.bucket, report.points_written) == ("verified", trial.bucket, 12_544)


@pytest.mark.parametrize("kind", ["path", "text", "dictionary", "mapping"])
def test_a_mapping_may_be_given_in_any_form(trial: Trial, kind: str) -> None:
    path = trial.folder / "birds.toml"
    path.write_text(
        'measurement = "birds"\ntime = { column = "t", format = "unix_s" }\n'
        'tags.bird = { column = "bird" }\nfields.lat = { column = "lat", type = "float" }\n'
        'fields.n = { column = "n", type = "integer" }\n'
    )
    forms: dict[str, Any] = {
        "path": path,
        "text": str(path),
        "dictionary": BIRDS,
        "mapping": Mapping.from_dict(BIRDS),
    }
    report = trial.load(trial.csv(birds_csv(5)), mapping=forms[kind])
    assert {field.field: field.stored for field in report.fields} == {"lat": 5, "n": 5}


def test_a_function_may_be_given_with_its_csv_options(trial: Trial) -> None:
    def to_points(row: dict[str, str]) -> list[Point]:
        return [Point(name).field("n", int(row["n"])).time(int(row["t"]) * 10**9) for name in ("one", "two")]

    text = birds_csv(5).replace(",", ";")
    report = trial.load(trial.csv(text), mapper=to_points, csv=CsvOptions(delimiter=";"))
    assert (report.rows_mapped, report.points_written) == (5, 10)
    assert [(field.measurement, field.type) for field in report.fields] == [("one", "integer"), ("two", "integer")]


def test_a_function_that_exits_makes_rejects_and_does_not_end_the_program(trial: Trial) -> None:
    def leaving(_: dict[str, str]) -> Point:
        sys.exit(0)

    with pytest.raises(importer.RejectBudgetError, match="the mapper raised SystemExit"):
        trial.load(trial.csv(birds_csv(3)), mapper=leaving)
    assert trial.buckets == set()


def test_an_error_carries_the_report_of_what_it_ended(trial: Trial) -> None:
    with pytest.raises(importer.RejectBudgetError) as error:
        trial.load(trial.csv(birds_csv(9, bad_lines=(4,))))
    report = error.value.report
    assert isinstance(report, Report)
    assert (report.status, report.rejected, report.rows_read) == ("failed", 1, 9)
    assert report.error == str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mapping": BIRDS}, "name the bucket"),
        ({"bucket": "a", "options": LoadOptions(bucket="b")}, "two buckets"),
        ({"bucket": "a", "mapping": BIRDS, "hints": Hints()}, "hints go with"),
        ({"bucket": "a", "mapping": BIRDS, "mapper": "m:f"}, "either a mapping or a mapper"),
        ({"bucket": "a", "mapping": BIRDS, "csv": CsvOptions()}, "its own csv part"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        importer.load(SAMPLE, **arguments)


@pytest.mark.parametrize("name", ["workers", "batch_rows", "block_bytes", "max_series", "limit"])
def test_numbers_below_one_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is 0"):
        LoadOptions(bucket="b", **{name: 0})


def test_a_wait_below_zero_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="wait_seconds"):
        LoadOptions(bucket="b", wait_seconds=-1)
    for name in ("method", "if_exists", "precision", "compression"):
        with pytest.raises(ConfigurationError, match=f"{name} is 'xx': it is one of '"):
            LoadOptions(bucket="b", **{name: "xx"})  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["-1", "many", "101%", "-1%", "nan%", ""])
def test_a_budget_that_is_neither_number_nor_percentage_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="max-rejects"):
        RejectBudget.parse(text)


def test_a_server_is_looked_for_only_once_the_sources_are_usable(trial: Trial) -> None:
    def find() -> importer.Connection:
        raise AssertionError("looked for a server")

    with pytest.raises(MappingError):
        importer.load(trial.csv("a,b\n1,2\n"), mapping=BIRDS, options=trial.options(), connection=find)
    with pytest.raises(AssertionError, match="looked for a server"):
        importer.load(trial.csv(birds_csv(1)), mapping=BIRDS, options=trial.options(), connection=find)


def test_a_dry_run_writes_to_the_stream_that_is_given(tmp_path: Path) -> None:
    source = tmp_path / "birds.csv"
    source.write_text(birds_csv(2))
    out = io.BytesIO()
    options = LoadOptions(bucket="b", dry_run=True, rejects=tmp_path / "r.csv")
    report = importer.load(source, mapping=BIRDS, options=options, stdout=out)
    assert report.status == "dry_run"
    assert out.getvalue().decode().splitlines() == [
        "birds,bird=b0 lat=47.0,n=0i 1600000000000000000",
        "birds,bird=b1 lat=47.001,n=1i 1600000060000000000",
    ]


def test_importing_the_package_prints_nothing_and_configures_no_logging() -> None:
    code = "import importer, logging; assert not logging.getLogger().handlers, logging.getLogger().handlers"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("", "")


def test_the_number_of_rejects_may_be_said_as_on_the_command_line() -> None:
    assert importer.LoadOptions(bucket="b", max_rejects=3).reject_budget == importer.RejectBudget(3)
    assert importer.LoadOptions(bucket="b", max_rejects="50%").reject_budget == importer.RejectBudget(None, 0.5)
    with pytest.raises(importer.ConfigurationError, match="max-rejects"):
        importer.LoadOptions(bucket="b", max_rejects="many")
