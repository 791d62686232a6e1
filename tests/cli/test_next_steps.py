"""The commands that ``importer inspect`` shows work when they are typed as they stand there."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import importer
from importer.inspecting.next_steps import next_steps, shell_line
from importer.source.bounds import Bounds
from tests.loading import Command, Trial

STAMPS = [f"2024-05-01T00:{n:02}:00Z" for n in range(40)]
ROWS = "".join(f"{stamp},b{n % 3},{n / 4}\n" for n, stamp in enumerate(STAMPS))


def words_of(line: str) -> list[str]:
    """As a shell takes them."""
    shown = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True).stdout
    return [word.decode(errors="surrogateescape") for word in shown.split(b"\0")[:-1]]


def shown_commands(out: str) -> list[str]:
    return [line[line.index(": importer ") + 2 :] for line in out.splitlines() if ": importer " in line]


def several(name: str) -> list[str]:
    for number in range(2):
        Path(f"{name}-{number}.csv").write_text("time,bird,v\n" + "".join(ROWS.splitlines(keepends=True)[number::2]))
    return [f"{name}-*.csv"]


def without_header(name: str) -> list[str]:
    Path(f"{name}\x1b[2J's.csv").write_text(ROWS.replace(",", "\t"))
    return [f"{name}\x1b[2J's.csv"]


def told_all(name: str) -> list[str]:
    rows = "".join(f"{1_600_000_000 + n};{n},5\n" for n in range(40))
    Path(f"{name}.csv").write_text("a=t;v:x\n" + rows)
    return [f"{name}.csv", "--measurement", "m", "--time", "a=t", "--field", "v=v:x:float", "--max-columns", "20000"]


def with_bad_rows(name: str) -> list[str]:
    Path(f"{name}.csv").write_text("time,bird,v\n" + ROWS + f"{STAMPS[0]}\n")
    return [f"{name}.csv", "--field", "v:integer"]


def parquet(name: str) -> list[str]:
    frame = pl.read_csv(("time,bird,v\n" + ROWS).encode(), try_parse_dates=True)
    frame.write_parquet(f"{name}.parquet")
    return [f"{name}.parquet"]


def annotated(name: str) -> list[str]:
    text = "#constant measurement,Vögel\n#datatype dateTime,tag,double\ntime,bird,v\n" + ROWS
    Path(f"{name}.csv").write_bytes(text.encode("cp1252"))
    return [f"{name}.csv"]


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("made", [several, without_header, told_all, with_bad_rows, parquet, annotated])
def test_every_command_that_inspect_shows_works_as_it_stands_there(
    made: Callable[[str], list[str]], trial: Trial, command: Command
) -> None:
    ended = command("inspect", *made(trial.bucket))
    assert ended.code == 0, ended.err
    ahead, loaded = shown_commands(ended.out), 0
    assert ahead
    while ahead:
        line = ahead.pop(0)
        name, *words = words_of(line.removeprefix("importer "))
        ended = command(name, *words)
        assert ended.code == 0, (line, ended.err)
        assert "\x1b" not in ended.out
        loaded += name == "load"
        ahead += shown_commands(ended.out)
    assert loaded == (1 if made in (told_all, annotated) else 2)


def test_commands_name_a_bucket_where_the_file_lends_none_and_a_mapping_file_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-_odd.csv").write_text("time,v\n" + "".join(f"{stamp},1\n" for stamp in STAMPS))
    Path("_odd.csv").write_text("time,v\n" + "".join(f"{stamp},1\n" for stamp in STAMPS))
    Path("mapping.toml").touch()

    def steps(*sources: str) -> list[str]:
        found = importer.inspect(sources)
        return [step.command for step in next_steps(found, sources, hints={}, csv={}, bounds=Bounds())]

    assert steps("_odd.csv") == [
        "importer load _odd.csv --bucket data",
        "importer inspect _odd.csv --write mapping-2.toml",
    ]
    assert steps("*.csv")[0] == "importer load '*.csv' --bucket -_odd"
    assert steps("-_odd.csv")[0] == "importer load ./-_odd.csv"


@pytest.mark.parametrize("word", ["a b", "it's", "a\tb", "\x1b[2J'\\", "\u202e", "é\udcff", ""])
def test_words_are_shown_so_that_a_shell_reads_them_back(word: str) -> None:
    line = shell_line([word, "x"])
    assert line.isprintable()
    assert words_of(line) == [word, "x"]
