"""What the documentation names exists, and what exists is documented."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main

from importer import LoadOptions, Mapping, Report
from importer.cli.commands import HELPS, app, every_command
from importer.cli.exits import EXIT_CODES
from tests.loading import ROOT, SAMPLE, SAMPLE_MAPPING, Command, Trial
from tests.promises import promises

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "sample_data" / "README.md"]
README = PAGES[0].read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Options of other programs that the pages show.
OTHERS = {"--build", "--rm", "--raw", "--description", "--read-buckets", "--write-buckets", "--read-orgs"}
OTHERS |= {"--retry", "--retry-connrefused", "--retry-delay"}  # of curl


def snippets(language: str) -> list[Any]:
    return [
        pytest.param(text, id=f"{page.name}-{number}")
        for page in PAGES
        for number, (name, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")))
        if name == language
    ]


def commands_of(command: Any, name: str) -> dict[str, Any]:
    inner = getattr(command, "commands", {})
    found = {name: command}
    for key, child in inner.items():
        found |= commands_of(child, f"{name} {key}")
    return found


COMMANDS = {"importer": typer.main.get_command(app)}
for each, command_of_it in every_command().items():
    COMMANDS |= commands_of(command_of_it, f"importer {each}")


def test_the_list_of_commands_says_of_each_what_its_help_begins_with() -> None:
    begins = {name: " ".join(command.help.split("\n\n")[0].split()) for name, command in every_command().items()}
    assert begins == HELPS


def options_of(command: Any) -> set[str]:
    return {text for item in command.params for text in item.opts if text.startswith("--")} | {"--help"}


ALL_OPTIONS = {option for command in COMMANDS.values() for option in options_of(command)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page.read_text(encoding="utf-8")))
    # A script beside the page has options of its own.
    scripts = [path.read_text(encoding="utf-8") for path in page.parent.glob("*.py")]
    own = {option for script in scripts for option in re.findall(r'"(--[a-z-]+)"', script)}
    assert named - ALL_OPTIONS - OTHERS - own == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    shown = re.findall(r"^\$? ?(?:\S*/)?importer ([a-z].*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    shown += re.findall(r"`importer ([a-z][^`]*)`", page.read_text(encoding="utf-8"))
    for text in shown:
        words = text.split()
        name = next(
            (f"importer {' '.join(words[:n])}" for n in (2, 1) if f"importer {' '.join(words[:n])}" in COMMANDS), None
        )
        assert name is not None, f"there is no command: importer {text}"
        assert set(re.findall(r"(?<!\S)--[a-z-]+", text)) <= options_of(COMMANDS[name]), text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z]+)", text)) | set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE))
    assert named <= targets


def test_readme_names_the_two_commands_of_a_fresh_clone() -> None:
    assert {"demo", "test"} <= set(re.findall(r"^make ([a-z]+)", README, re.MULTILINE))


def test_every_command_and_option_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for name, command in COMMANDS.items():
        if not hasattr(command, "commands"):
            section = text.split(f"## {name}\n")[1].split("\n## ")[0]
            assert [option for option in options_of(command) - {"--help"} if f"`{option}" not in section] == []


def test_the_help_of_every_command_has_an_example() -> None:
    alone = {name: command for name, command in COMMANDS.items() if not hasattr(command, "commands")}
    helps = {name: f"{command.help} {command.epilog}" for name, command in alone.items()}
    assert [name for name, text in helps.items() if f"Example: {name}" not in text] == []


def test_page_of_commands_is_the_one_that_the_command_line_gives() -> None:
    path = ROOT / "docs" / "write_commands.py"
    spec = importlib.util.spec_from_file_location("write_commands", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written.rstrip() == module.commands_page().rstrip(), "write it anew: make docs"


def test_table_of_promises_is_the_one_that_the_tests_markers_give() -> None:
    script = ROOT / "docs" / "write_reliability.py"
    page = subprocess.run([sys.executable, script, "-"], capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8") == page, "write it anew: make docs"


FAULT, WHOLE, OTHER = 'fault="f"', 'fault="f", promise="p", seen="s"', 'fault="f", promise="q", seen="s"'


def marked(pytester: pytest.Pytester, *marks: str) -> list[pytest.Item]:
    pytester.makeini("[pytest]\nmarkers = promise")
    tests = [f"@pytest.mark.promise({mark})\ndef test_{n}(): pass" for n, mark in enumerate(marks)]
    return pytester.getitems("import pytest\n" + "\n".join(tests))


def test_tests_of_one_fault_share_a_row(pytester: pytest.Pytester) -> None:
    (promise,) = promises(marked(pytester, FAULT, WHOLE))
    assert (promise.fault, promise.promise, promise.seen, len(promise.tests)) == ("f", "p", "s", 2)


@pytest.mark.parametrize(
    ("marks", "wrong"),
    [
        ([FAULT], "is to be said once"),
        ([WHOLE, OTHER], "is to be said once"),
        (["'f'"], "a promise has"),
        (['fault="f", promise="p"'], "a promise has"),
    ],
)
def test_a_fault_of_which_nothing_or_two_things_are_promised_is_refused(
    pytester: pytest.Pytester, marks: list[str], wrong: str
) -> None:
    items = marked(pytester, *marks)
    with pytest.raises(ValueError, match=wrong):
        promises(items)


def test_readme_has_every_exit_code_and_no_other() -> None:
    table = README.split("## Exit codes")[1].split("\n## ")[0]
    cells = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    assert {int(code) for cell in cells for code in cell.split(",")} == {*EXIT_CODES, 143}


def test_page_of_the_report_names_each_of_its_fields_and_no_other() -> None:
    text = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    assert [name for name in Report.model_fields if f"`{name}`" not in text] == []


def test_every_option_of_a_load_is_documented_in_its_class() -> None:
    documented = LoadOptions.__doc__ or ""
    assert [name for name in LoadOptions.__dataclass_fields__ if f"        {name}: " not in documented] == []


@pytest.mark.parametrize("text", snippets("toml"))
def test_every_mapping_that_a_page_shows_is_one(text: str) -> None:
    raw = tomllib.loads(text)
    # A page may show one part alone; the rest is made up.
    whole = {"measurement": "m", "time": {"column": "t"}, "fields": {"f": {"column": "f"}}}
    assert Mapping.from_dict(whole | raw)


@pytest.mark.parametrize("text", snippets("python"))
def test_every_python_example_compiles(text: str) -> None:
    assert compile(text, "example", "exec")


def test_files_that_the_pages_link_to_exist() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.usefixtures("environment")
def test_session_in_the_readme_is_what_the_command_prints(
    trial: Trial, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    ended = command("load", SAMPLE, "--mapping", SAMPLE_MAPPING, "--bucket", trial.bucket)
    session = README.split("$ importer load ")[1].split("```")[0]
    printed = (ended.err + ended.out).replace(trial.bucket, "bird-migration")
    changing = ("seconds", "rows per second")

    def figures(text: str) -> list[list[str]]:
        rows = [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in text.splitlines()]
        return [row for row in rows if row and row[0] not in changing]

    assert figures(session) == figures(printed)
    assert session.splitlines()[1] in printed
    assert session.splitlines()[2] == "verified: bucket bird-migration"


def test_make_help_lists_every_task_that_is_meant_for_people() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    documented = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    printed = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[0] for line in printed.splitlines()} == documented
