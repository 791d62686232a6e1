from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import importer
from importer.charting.inspections import panels_of
from importer.charting.panels import Columns, Ranking, Spread
from importer.inspecting.inspection import Inspection
from tests.charting.test_charts import bars, texts
from tests.loading import Command, Trial
from tests.web_files import web_file

BIRDS = "time,bird,lat,note\n" + "".join(
    f"2024-05-01T{n // 60:02}:{n % 60:02}:00Z,{'Aino' if n % 3 else 'Ciro'},{n / 4},{'high' if n < 100 else 'low'}\n"
    for n in range(120)
)


@pytest.fixture
def birds(tmp_path: Path, no_settings: Path) -> Path:  # noqa: ARG001
    path = tmp_path / "birds.csv"
    path.write_text(BIRDS)
    return path


@pytest.fixture
def inspection(birds: Path) -> Inspection:
    return importer.inspect(birds)


def test_inspect_shows_columns_time_proposal_and_what_comes_next(birds: Path, command: Command) -> None:
    ended = command("inspect", "birds.csv")
    assert (ended.code, ended.err) == (0, "")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert lines[0] == f"birds.csv: 120 rows (all read), 4 columns, {birds.stat().st_size / 1000:.1f} kB"
    assert lines[1] == "text: delimiter ',', no quotes, decimal point, utf-8, lines end in LF"
    assert "lat float field 0 120 0.0 … 29.75; 0.0; 0.25" in lines
    assert "bird string tag 0 2 Ciro; Aino" in lines
    assert any(line.startswith("time rfc3339 in the text 2024-05-01 00:00:00 taken") for line in lines)
    assert "measurement: birds" in lines
    assert "series: 4" in lines
    assert "to load it like this: importer load birds.csv" in lines
    assert "to change it first: importer inspect birds.csv --write mapping.toml" in lines
    assert max(map(len, ended.out.splitlines())) <= 130


def test_inspect_prints_json_for_programs_that_is_the_functions_own_result(birds: Path, command: Command) -> None:
    ended = command("inspect", birds, "--json", "--tag", "bird", "--measurement", "m", "--null", "low")
    expected = importer.inspect(birds, tags=["bird"], measurement="m", csv={"null": ("low",)})
    assert json.loads(ended.out) == expected.model_dump(mode="json")
    assert expected.columns[3].nulls == 20


@pytest.mark.usefixtures("environment")
def test_the_mapping_that_is_written_loads_by_the_command_that_is_shown(
    birds: Path, command: Command, trial: Trial
) -> None:
    ended = command("inspect", birds.name, "--write", "birds.toml")
    (load,) = [line for line in ended.out.splitlines() if line.startswith("to load it: ")]
    assert load == "to load it: importer load birds.csv --mapping birds.toml --bucket birds"
    words = load.removeprefix("to load it: importer ").replace("--bucket birds", f"--bucket {trial.bucket}").split()
    assert command(*words).code == 0
    assert {each.count for each in importer.analyze(trial.bucket, connection=trial.connection).fields} <= {100, 120}


def test_files_that_are_there_are_replaced_only_on_demand(birds: Path, command: Command) -> None:
    for option, name in (("--write", "birds.toml"), ("--plot", "birds.svg")):
        Path(name).write_text("mine")
        ended = command("inspect", birds, option, name)
        assert (ended.code, ended.out, Path(name).read_text()) == (2, "", "mine")
        assert "say --force to replace it" in ended.err
        assert command("inspect", birds, option, name, "--force").code == 0
        assert Path(name).read_text() != "mine"


def test_questions_are_asked_with_the_option_that_answers_and_nothing_is_written(
    no_settings: Path,  # noqa: ARG001
    command: Command,
) -> None:
    Path("odd.csv").write_text("time,v\n01/02/2024 00:00,1\n03/04/2024 00:00,2\n")
    ended = command("inspect", "odd.csv", "--write", "odd.toml")
    assert (ended.code, Path("odd.toml").exists()) == (2, False)
    assert "question: " in ended.out
    (answer,) = [line for line in ended.out.splitlines() if line.startswith("to go on, answer: ")]
    assert answer.startswith("to go on, answer: importer inspect odd.csv --time-format ")
    assert "Traceback" not in ended.err


@pytest.mark.usefixtures("no_settings")
def test_what_is_said_of_times_and_rejects_is_said_once_and_of_what_is_meant(command: Command) -> None:
    Path("odd.csv").write_text("a,b\n1,2\n3,4\n")
    assert command("load", "odd.csv", "--dry-run", "--bucket", "b").err.endswith(
        "No column holds times of a known format; say --time COLUMN, and its --time-format.\n"
    )
    Path("odd.csv").write_text("date,time,v\n2021-01-01,10:00:00,1\n2021-01-02,11:00:00,2\n2021-01-03,12:00:00,5\n")
    assert importer.inspect("odd.csv").times[1].why == "a date alone, where 'date' + 'time' have the time of day, too"
    rows = "".join(f"16000000{n:02},{n}\n" for n in range(20))
    Path("odd.csv").write_text(f"time,v\n{rows}n/a?,1\n")
    shown = command("inspect", "odd.csv", "--time", "time").out
    assert (shown.count("would be rejected: "), "warning: 1 row would be rejected: line 22, time" in shown) == (1, True)
    assert "unix_s  none: since 1970 " in shown


def test_charts_show_what_the_inspection_counted(inspection: Inspection, tmp_path: Path) -> None:
    panels = list(panels_of(inspection))
    over_time, bird, lat, note = panels
    assert isinstance(over_time, Columns)
    assert isinstance(lat, Spread)
    assert isinstance(bird, Ranking)
    assert isinstance(note, Ranking)
    assert sum(over_time.counts) == sum(lat.counts) == 120
    assert over_time.starts_ns[0] == 1_714_521_600 * 10**9
    assert over_time.starts_ns[-1] + over_time.width_ns >= (1_714_521_600 + 119 * 60) * 10**9
    assert dict(zip(bird.labels, bird.counts, strict=True)) == {"Aino": 80, "Ciro": 40}
    assert dict(zip(note.labels, note.counts, strict=True)) == {"high": 100, "low": 20}
    importer.plot(inspection, tmp_path / "birds.svg")
    svg = (tmp_path / "birds.svg").read_bytes()
    assert {"bar-0-80", "bar-1-40", "bar-0-100", "bar-1-20"} <= set(bars(svg))
    assert {"Aino", "Ciro", "low", "rows over time (time)", "lat"} <= set(texts(svg))


def test_charts_are_drawn_by_command(birds: Path, command: Command) -> None:
    ended = command("inspect", birds, "--plot", "birds.png")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "charts: birds.png")
    assert Path("birds.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    wrong = command("inspect", birds, "--plot", "birds.pdf")
    assert (wrong.code, "PNG or SVG" in wrong.err) == (2, True)


def test_a_sample_is_said_to_be_one(birds: Path, command: Command) -> None:
    out = command("inspect", birds, "--sample", "10").out.splitlines()[0]
    assert "10 rows (a sample: " in out


def test_text_that_a_terminal_would_obey_is_shown_harmless(birds: Path, command: Command) -> None:
    birds = birds.rename(birds.with_name("b\x1b[2J\x07.csv"))
    for rows in (
        "2024-05-01T00:00:00Z,\x1b[31mred,1,x\n2024-05-02T00:00:00Z,[bold]x[/bold],2,\x1by\n",
        "2024-05-01T00:00:00Z,a,1\n2024-05-01T00:00:00Z,a,\x1b[2J\n",  # no row; a value that is lost
        "01/02/2024 00:00,a,1,x\n02/03/2024 00:00,b,2,x\n",  # asks
    ):
        birds.write_text("ti\x1b[2Jme,na\x1b[2Jme,v\x9b2J,left\x1b]0;out\n" + rows)
        for options in ((), ("--sample", "1")):
            ended = command("inspect", birds, *options)
            assert ended.code == 0
            assert not {"\x1b", "\x9b", "\x07"} & set(ended.out + ended.err)
    birds.write_text(
        "#constant measurement,\x1bm\n#datatype dateTime,tag,double\nt\x1b,\x1btag,v\x1b\n2024-05-01T00:00:00Z,\x1b,1\n"
    )
    assert "\x1b" not in command("inspect", birds).out
    birds.write_text("time,na\x1b[2Jme,v\n2024-05-01T00:00:00Z,[bold]x[/bold],1\n")
    assert "[bold]x[/bold]" in command("inspect", birds).out


@pytest.mark.usefixtures("no_settings")
def test_what_a_load_decides_of_hostile_names_and_its_errors_are_shown_harmless(command: Command) -> None:
    Path("b.csv").write_text("time,na\x1b[2Jme,v\x9b\n2024-05-01T00:00:00Z,a,1\n")
    ended = command("load", "b.csv", "--bucket", "b", "--dry-run")
    assert ended.code == 0, ended.err
    assert "tags: " in ended.err
    assert not {"\x1b", "\x9b"} & set(ended.err)
    Path("b.csv").write_text("time,v\x1b\n01/02/2024 00:00,1\n02/03/2024 00:00,\x1b2\n")
    ended = command("load", "b.csv", "--bucket", "b", "--dry-run")
    assert (ended.code, "\x1b" in ended.err) == (2, False)
    Path("b.csv").write_text("2024-05-01T00:00:00Z\t1\n2024-05-02T00:00:00Z\t2\n")
    ended = command("load", "b.csv", "--bucket", "b", "--dry-run")
    assert (ended.code, "Say --header $'time\\x09column_2' (" in ended.err) == (2, True)
    Path("b.csv").write_text("time,v\x1b\n2024-05-01T00:00:00Z,1.5\n2024-05-02T00:00:00Z,2\n")
    ended = command("load", "b.csv", "--bucket", "b", "--dry-run", "--field", "v\x1b:integer", "--max-rejects", "1")
    assert ended.code == 0
    assert "1 row would be rejected: line 2, v\N{REPLACEMENT CHARACTER}" in ended.err


@pytest.mark.usefixtures("no_settings")
def test_inspect_takes_the_bounds_that_its_errors_name(command: Command) -> None:
    Path("wide.csv").write_text("time,v,a,b\n2024-05-01T00:00:00Z,1,2,3\n2024-05-02T00:00:00Z,1,2,3\n")
    Path("swells.csv.gz").write_bytes(gzip.compress(b"time,v\n" + b"2024-05-01T00:00:00Z,1\n" * 1_000_000))
    with web_file(data=Path("wide.csv").read_bytes()) as file:
        for source, option, low, high in (
            ("wide.csv", "--max-columns", 3, 4),
            ("wide.csv", "--max-record-bytes", 10, 100),
            ("swells.csv.gz", "--max-expansion", 20, 1_000),
            (file.url, "--max-download-bytes", 10, 1_000),
        ):
            refused = command("inspect", source, option, str(low))
            assert (refused.code, refused.out) == (2 if option == "--max-columns" else refused.code, ""), option
            assert refused.code
            assert option in refused.err
            assert command("inspect", source, option, str(high), "--sample", "5").code == 0


@pytest.mark.parametrize("content", ["", "time,v\n"])
def test_a_file_without_rows_ends_without_a_trace(
    content: str,
    no_settings: Path,  # noqa: ARG001
    command: Command,
) -> None:
    Path("none.csv").write_text(content)
    ended = command("inspect", "none.csv")
    assert "Traceback" not in ended.err
    assert ended.code in {0, 2}
    assert ended.out or "none.csv" in ended.err
