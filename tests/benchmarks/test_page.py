import io
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from benchmarks.aims import aims
from benchmarks.chart import chart
from benchmarks.results import read_results
from benchmarks.tables import all_tables, for_terminal, markdown
from benchmarks.write_docs import CHART, PAGE, RESULTS, page_with
from tests.benchmarks.made_up import run, session, three_rounds

SVG = "{http://www.w3.org/2000/svg}"


def test_page_shows_the_figures_of_the_kept_results() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert page_with(read_results(RESULTS), written) == written, "write it anew: python -m benchmarks.write_docs"


def test_chart_of_the_page_is_that_of_the_kept_results() -> None:
    assert CHART.read_text(encoding="utf-8") == chart(read_results(RESULTS)), "python -m benchmarks.write_docs"


def test_kept_results_name_no_path_and_no_trouble() -> None:
    text = RESULTS.read_text(encoding="utf-8")
    assert "/" not in text.replace("://", "")
    assert read_results(RESULTS).troubles == []


def test_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="needs <!-- bench -->"):
        page_with(three_rounds(), "# Performance\n")


def test_text_around_the_marks_stays() -> None:
    page = page_with(three_rounds(), "before\n<!-- bench -->\nold\n<!-- /bench -->\nbehind\n")
    assert page.startswith("before\n<!-- bench -->\nMeasured on 2 processors")
    assert page.endswith("\n<!-- /bench -->\nbehind\n")
    assert "old" not in page


def test_tables_show_medians_ranges_and_ratios() -> None:
    text = markdown(three_rounds())
    assert "| importer | 8.00 (8.00–16.00) | 125,000 | 2.0 | 12.0 | 250 | 500 | 90d | 7.5 | 0.75 |" in text  # noqa: RUF001
    assert "| 5,000,000 | 42.00 | 119,048 | 0.4 | 2.4 | 280 | 500 |" in text
    assert "| rows/s to row by row | 7.50 times | at least 6 times | reached |" in text
    assert "| rows/s to the ceiling | 0.75 | at least 0.8 | missed |" in text


def test_tables_show_the_phases_of_the_importer_and_its_start() -> None:
    text = markdown(three_rounds())
    assert "| movebank | 1,000,000 | 7.50 (7.50–15.00) | 4.0% | 80.0% |  |  | 8.0% |  |" in text  # noqa: RUF001
    assert "| importer --help | 0.62 (0.60–1.00) | 0.31 (0.30–0.50) | 40 |" in text  # noqa: RUF001
    assert "| CPU of `importer --help` | 0.31 (0.30–0.50) s | at most 0.4 s | reached |" in text  # noqa: RUF001


def test_aim_that_was_not_measured_is_said_so_on_page_and_terminal() -> None:
    results = session(run("importer", 8.0))
    out = io.StringIO()
    Console(file=out, width=200).print(for_terminal(all_tables(results)[-1]))
    assert "| rows/s to `influx write` | not measured | at least 2.7 times |  |" in markdown(results)
    assert "rows/s to influx write" in out.getvalue()
    assert out.getvalue().count("not measured") == len(aims(results)) - 1  # the client's CPU is


def test_way_that_lost_rows_is_said_so_and_stands_in_no_table() -> None:
    results = session(run("baseline", 5.0, stored=7, trouble="lost 999,993 of 1,000,000 rows"), run("importer", 8.0))
    tables, _, behind = markdown(results).partition("Went wrong")
    assert "row by row (" not in tables
    assert "movebank, baseline, 1,000,000 rows: lost 999,993 of 1,000,000 rows" in behind


def test_tables_go_to_the_terminal_with_the_same_cells() -> None:
    table, *_ = all_tables(three_rounds())
    out = io.StringIO()
    Console(file=out, width=200).print(for_terminal(table))
    assert all(cell in out.getvalue() for row in table.rows for cell in row)


def test_chart_is_well_formed_and_has_a_bar_for_each_way() -> None:
    root = ET.fromstring(chart(three_rounds()))  # noqa: S314 - our own
    bars = {bar.get("class"): float(bar.get("width", "0")) for bar in root.iter(f"{SVG}rect")}
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert len(list(root.iter(f"{SVG}rect"))) == 4
    assert "prefers-color-scheme: dark" in (root.findtext(f"{SVG}style") or "")
    assert {"importer", "125,000", "ready-made lines (the ceiling)", "166,667"} <= set(texts)
    assert bars["ceiling"] > bars["own"] > 0


def test_chart_stays_within_its_width_whatever_the_spread() -> None:
    wild = session(run("importer", 8.0), run("importer", 7.0, round=1), run("importer", 1.0, round=2))
    root = ET.fromstring(chart(wild))  # noqa: S314 - our own
    width = float(root.get("width", "0"))
    ends = [float(bar.get("x", "0")) + float(bar.get("width", "0")) for bar in root.iter(f"{SVG}rect")]
    ends += [float(line.get("x2", "0")) for line in root.iter(f"{SVG}line")]
    assert len(ends) == 2
    assert max(ends) < width
