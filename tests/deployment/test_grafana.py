import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

import importer

from .flux_macros import View

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "bird-migration"
PROVISIONING = ROOT / "grafana" / "provisioning"
DASHBOARD = json.loads((ROOT / "grafana" / "dashboards" / "bird-migration.json").read_text(encoding="utf-8"))
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
TARGETS = [(title, target["refId"]) for title, panel in PANELS.items() for target in panel["targets"]]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}

Records = list[dict[str, Any]]


@pytest.fixture(scope="module")
def data_source() -> dict[str, Any]:
    provisioned = yaml.safe_load((PROVISIONING / "datasources" / "influxdb.yml").read_text(encoding="utf-8"))
    (source,) = provisioned["datasources"]
    return source


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def fixes() -> list[dict[str, str]]:
    """The sample without its exact duplicates."""
    with (ROOT / "sample_data" / "bird_migration.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["event-id"]: row for row in csv.DictReader(file)}
    return list(rows.values())


@pytest.fixture(scope="module")
def grafana(influxd: Any) -> "Grafana":
    """The sample in a real InfluxDB, looked at as the dashboard opens it."""
    importer.load(
        ROOT / "sample_data" / "bird_migration.csv",
        mapping=ROOT / "sample_data" / "bird_migration.toml",
        bucket=BUCKET,
        connection=influxd.connection,
    )
    return Grafana(influxd)


class Grafana:
    """Runs the dashboard's queries as Grafana would."""

    def __init__(self, influxd: Any) -> None:
        self._api = influxd.server.client.query_api()
        self._organization = influxd.connection.org
        every_bird = self.values_of("bird")
        self.opened = {"bird": every_bird, "track": [VARIABLES["track"]["current"]["value"]]}

    def values_of(self, variable: str) -> list[str]:
        return [record["_value"] for record in self._run(VARIABLES[variable]["query"]["query"], {}, None)]

    def records(self, title: str, ref_id: str = "A", **chosen: list[str]) -> Records:
        panel = PANELS[title]
        (query,) = (target["query"] for target in panel["targets"] if target["refId"] == ref_id)
        return self._run(query, {**self.opened, **chosen}, panel.get("interval"))

    def _run(self, query: str, variables: dict[str, list[str]], interval: str | None) -> Records:
        start, stop = (datetime.fromisoformat(DASHBOARD["time"][end]) for end in ("from", "to"))
        view = View(start, stop, BUCKET, self._organization, variables)
        tables = self._api.query(view.flux(query, interval=interval))
        return [record.values for table in tables for record in table.records]


def test_every_target_and_variable_uses_the_provisioned_data_source(data_source: dict[str, Any]) -> None:
    expected = {"type": data_source["type"], "uid": data_source["uid"]}
    targets = [target for panel in PANELS.values() for target in panel["targets"]]
    assert {part["title"] for part in PANELS.values() if part["datasource"] != expected} == set()
    assert [part for part in [*targets, *VARIABLES.values()] if part["datasource"] != expected] == []


def test_data_source_speaks_flux_to_the_server_of_the_composition(
    data_source: dict[str, Any], compose: dict[str, Any]
) -> None:
    assert data_source["jsonData"]["version"] == "Flux"
    assert data_source["jsonData"]["defaultBucket"] == BUCKET
    assert data_source["url"] == compose["services"]["importer"]["environment"]["INFLUX_URL"]


def test_data_source_takes_its_secrets_from_grafanas_environment(
    data_source: dict[str, Any], compose: dict[str, Any]
) -> None:
    environment = compose["services"]["grafana"]["environment"]
    assert data_source["secureJsonData"]["token"] == "${INFLUX_TOKEN}"
    assert data_source["jsonData"]["organization"] == "${INFLUX_ORG}"
    assert {"INFLUX_TOKEN", "INFLUX_ORG"} <= set(environment)


def test_provisioned_folders_are_mounted_where_grafana_looks(compose: dict[str, Any]) -> None:
    mounts = dict(mount.split(":")[:2] for mount in compose["services"]["grafana"]["volumes"])
    provisioned = yaml.safe_load((PROVISIONING / "dashboards" / "dashboards.yml").read_text(encoding="utf-8"))
    (provider,) = provisioned["providers"]
    assert mounts["./grafana/provisioning"] == "/etc/grafana/provisioning"
    assert mounts["./grafana/dashboards"] == provider["options"]["path"]


def test_home_dashboard_is_the_provisioned_one(compose: dict[str, Any]) -> None:
    grafana = compose["services"]["grafana"]
    mounts = dict(mount.split(":")[:2] for mount in grafana["volumes"])
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{mounts['./grafana/dashboards']}/bird-migration.json"


def test_panels_have_their_own_ids_and_do_not_overlap() -> None:
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"]) == len(PANELS)


def test_time_range_covers_every_fix(fixes: list[dict[str, str]]) -> None:
    times = sorted(row["timestamp"].replace(" ", "T") + "Z" for row in fixes)
    assert DASHBOARD["time"]["from"] <= times[0]
    assert times[-1] < DASHBOARD["time"]["to"]


def test_every_bird_has_a_colour_of_its_own(fixes: list[dict[str, str]]) -> None:
    (override,) = PANELS["Tracks"]["fieldConfig"]["overrides"]
    (mapping,) = override["properties"][0]["value"]
    colours = {bird: entry["color"] for bird, entry in mapping["options"].items()}
    assert set(colours) == {row["individual-local-identifier"] for row in fixes}
    assert len(set(colours.values())) == len(colours)


def test_map_layers_read_queries_that_exist() -> None:
    tracks = PANELS["Tracks"]
    matchers = [layer["filterData"] for layer in tracks["options"]["layers"]]
    assert {matcher["id"] for matcher in matchers} == {"byRefId"}
    assert {matcher["options"] for matcher in matchers} == {target["refId"] for target in tracks["targets"]}


def test_map_is_not_cut_short_by_the_limit_of_data_points(fixes: list[dict[str, str]]) -> None:
    # Grafana cuts a frame at ten times the panel's data points, which are its width in pixels by default.
    assert PANELS["Tracks"]["maxDataPoints"] >= len(fixes)


@pytest.mark.influxd
@pytest.mark.parametrize(("title", "ref_id"), TARGETS)
def test_query_returns_rows(grafana: Grafana, title: str, ref_id: str) -> None:
    assert grafana.records(title, ref_id) != []


@pytest.mark.influxd
@pytest.mark.parametrize("variable", VARIABLES)
def test_variable_offers_every_bird(grafana: Grafana, fixes: list[dict[str, str]], variable: str) -> None:
    birds = {row["individual-local-identifier"] for row in fixes}
    assert sorted(grafana.values_of(variable)) == sorted(birds)


@pytest.mark.influxd
def test_verification_table_shows_what_the_file_holds(grafana: Grafana, fixes: list[dict[str, str]]) -> None:
    stored = {record["_field"]: record["_value"] for record in grafana.records("Verification: stored values per field")}
    with_height = sum(bool(row["height-above-ellipsoid"]) for row in fixes)
    assert stored.pop("height") == with_height
    assert set(stored.values()) == {len(fixes)}
    assert len(stored) == 9


@pytest.mark.influxd
def test_map_shows_every_fix_that_is_no_outlier_in_one_frame(grafana: Grafana, fixes: list[dict[str, str]]) -> None:
    # Layers of a map draw the first frame only.
    shown = grafana.records("Tracks")
    assert {record["table"] for record in shown} == {0}
    expected = sorted(
        (row["individual-local-identifier"], float(row["location-long"]), float(row["location-lat"]))
        for row in fixes
        if row["manually-marked-outlier"] != "true"
    )
    assert sorted((row["individual"], row["lon"], row["lat"]) for row in shown) == expected


@pytest.mark.influxd
def test_line_on_the_map_is_one_birds_in_the_order_of_time(grafana: Grafana) -> None:
    shown = grafana.records("Tracks", "B", track=["Kaja ring=K7"])
    assert {record["individual"] for record in shown} == {"Kaja ring=K7"}
    times = [record["_time"] for record in shown]
    assert times == sorted(times)


@pytest.mark.influxd
def test_fixes_over_time_add_up_to_the_file(grafana: Grafana, fixes: list[dict[str, str]]) -> None:
    per_day = grafana.records("Fixes by bird")
    assert sum(record["_value"] for record in per_day) == len(fixes)
    assert len({record["table"] for record in per_day}) == len(grafana.opened["bird"])


@pytest.mark.influxd
def test_single_values_are_those_of_the_file(grafana: Grafana, fixes: list[dict[str, str]]) -> None:
    def single(title: str, **chosen: list[str]) -> int:
        (record,) = grafana.records(title, **chosen)
        return record["_value"]

    birds = sorted({row["individual-local-identifier"] for row in fixes})
    assert single("Points") == len(fixes)
    assert single("Birds") == len(birds)
    assert single("Birds", bird=birds[:1]) == 1
    assert single("Outliers") == sum(row["manually-marked-outlier"] == "true" for row in fixes)
    times = [row["timestamp"] for row in fixes]
    assert single("Shared instants") == sum(times.count(time) > 1 for time in set(times))
