"""Imports over HTTP: files in, jobs watched, rejects and results out; with the real InfluxDB behind them."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from importer.bucket import catalogue
from importer.jobs import events as events_module
from importer.jobs import results
from importer.jobs.queue import Jobs
from importer.jobs.uploads import Draft, Uploads
from importer.measurements.opening import opened_bucket
from importer.server.connection import Connection
from importer.service.resources import LOOKS_AT_ONCE
from importer.service.routes import uploads as uploads_module
from tests.fault_proxy import Fault, fault_proxy
from tests.faults.test_full_disk import files_end_at
from tests.influxd import Influxd
from tests.jobs.watching import ended, wait_until
from tests.loading import BIRDS, Trial, birds_csv
from tests.service_app import LiveMaker, LiveService, ServiceMaker

WITHOUT_A_FILE = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--'


def uploaded(service: TestClient, text: str | bytes, name: str = "birds.csv") -> dict[str, Any]:
    answer = service.post("/uploads", params={"name": name}, content=text)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def begun(service: TestClient, **wanted: Any) -> dict[str, Any]:
    answer = service.post("/imports", json=wanted)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"/imports/{found['id']}"
    return found


def test_an_uploaded_file_becomes_a_verified_bucket(service: TestClient, trial: Trial) -> None:
    text = birds_csv(500)
    upload = uploaded(service, text)
    assert upload["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert upload["bytes"] == len(text)
    job = begun(service, upload=upload["upload"], bucket=trial.bucket, mapping=BIRDS)
    assert job["state"] == "queued"
    result = ended(service, job["id"])
    assert result["state"] == "verified", result
    assert result["report"]["points_written"] == 500
    assert result["report"]["sources"] == [{"path": "birds.csv", "bytes": len(text), "sha256": upload["sha256"]}]
    assert trial.rows().height == 1000
    # Its upload has gone with it.
    assert service.delete(f"/uploads/{upload['upload']}").status_code == 404


def test_a_form_with_a_file_and_options_is_an_import_in_one_request(service: TestClient, trial: Trial) -> None:
    options = json.dumps({"bucket": trial.bucket, "mapping": BIRDS, "max_rejects": 2})
    text = birds_csv(300, bad_lines=(5, 250))
    answer = service.post("/imports", files={"file": ("a/birds.csv", text)}, data={"options": options})
    assert answer.status_code == 202, answer.text
    assert answer.json()["source"] == "birds.csv"
    result = ended(service, answer.json()["id"])
    assert (result["state"], result["report"]["rejected"]) == ("verified", 2)


def test_without_a_mapping_one_is_inferred_and_the_bucket_is_named_after_the_file(
    service: TestClient, trial: Trial
) -> None:
    upload = uploaded(service, birds_csv(300), f"{trial.bucket}.csv")
    job = begun(service, upload=upload["upload"], hints={"tags": ["bird"]})
    assert job["bucket"] == trial.bucket
    result = ended(service, job["id"])
    assert result["state"] == "verified", result["error"]
    assert result["report"]["series"] == 7


def test_a_form_to_uploads_stores_its_file(service: TestClient) -> None:
    answer = service.post("/uploads", files={"file": ("x/birds.csv", "a,b\n1,2\n")}, data={"note": "kept out"})
    assert answer.status_code == 201
    found = answer.json()
    assert (found["name"], found["bytes"]) == ("birds.csv", 8)
    assert service.delete(f"/uploads/{found['upload']}").status_code == 204
    assert service.delete(f"/uploads/{found['upload']}").status_code == 404


@pytest.mark.parametrize(
    ("kind", "body", "why"),
    [
        ("multipart/form-data", b"", "names no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\n", "breaks off"),
        ("multipart/form-data; boundary=x", b"garbage", "cannot be read"),
        ("multipart/form-data; boundary=x", WITHOUT_A_FILE, "no file"),
    ],
)
def test_a_form_that_is_none_is_told_of_and_leaves_nothing(
    service: TestClient, tmp_path: Path, kind: str, body: bytes, why: str
) -> None:
    for path in ("/uploads", "/imports"):
        answer = service.post(path, content=body, headers={"Content-Type": kind})
        assert answer.status_code == 400
        assert why in answer.json()["detail"]
    assert list((tmp_path / "service" / "uploads").iterdir()) == []


def test_a_form_with_two_files_is_refused_and_leaves_nothing(service: TestClient, tmp_path: Path) -> None:
    for path in ("/uploads", "/imports"):
        answer = service.post(path, files=[("file", ("a.csv", "a\n")), ("file", ("b.csv", "b\n"))])
        assert (answer.status_code, answer.json()["detail"]) == (400, "one file at a time: the form holds two")
    assert list((tmp_path / "service" / "uploads").iterdir()) == []


def test_rejects_come_as_csv_with_their_reasons_and_without_the_services_folders(
    service: TestClient, trial: Trial, tmp_path: Path
) -> None:
    upload = uploaded(service, birds_csv(300, bad_lines=(5, 250, 299)))
    job = begun(service, upload=upload["upload"], bucket=trial.bucket, mapping=BIRDS)
    result = ended(service, job["id"])
    assert (result["state"], result["error"]["type"]) == ("failed", "RejectBudgetError")
    assert result["progress"]["rejects"] == 3
    answer = service.get(f"/imports/{job['id']}/rejects")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(row["source"], row["line"], row["column"], row["error_type"]) for row in rows] == [
        ("birds.csv", str(line), "lat", "float") for line in (5, 250, 299)
    ]
    assert len(service.get(f"/imports/{job['id']}/rejects", params={"limit": 2}).text.splitlines()) == 3
    for told in (answer.text, json.dumps(result), service.get("/imports").text):
        assert str(tmp_path) not in told
    # The file of a failed import stays, so that it can be tried with other options.
    again = begun(service, upload=upload["upload"], bucket=trial.bucket, mapping=BIRDS, max_rejects=3)
    assert ended(service, again["id"])["state"] == "verified"


def test_an_import_without_rejects_has_a_header_only(service: TestClient, trial: Trial) -> None:
    job = begun(service, upload=uploaded(service, birds_csv(9))["upload"], bucket=trial.bucket, mapping=BIRDS)
    ended(service, job["id"])
    assert service.get(f"/imports/{job['id']}/rejects").text == (
        "source,line,byte_offset,column,error_type,error_message,raw\r\n"
    )


def test_events_tell_how_an_import_goes_and_end_with_it(live_service: LiveService, trial: Trial) -> None:
    with httpx.Client(base_url=live_service.url, timeout=60) as client:
        upload = client.post("/uploads", content=birds_csv(3_000)).json()["upload"]
        job = client.post("/imports", json={"upload": upload, "bucket": trial.bucket, "mapping": BIRDS}).json()["id"]
        with client.stream("GET", f"/imports/{job}/events") as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            events = list(events_of(answer.iter_lines()))
        assert events[-1]["event"] == "end"
        final = json.loads(events[-1]["data"])
        assert final == client.get(f"/imports/{job}").json()
        assert final["state"] == "verified"
        assert json.loads([each for each in events if each["event"] == "progress"][-1]["data"])["rows"] == 3_000
        # Who comes back with the id of the end is told not to come again; who missed it gets it.
        with client.stream("GET", f"/imports/{job}/events", headers={"Last-Event-ID": events[-2]["id"]}) as answer:
            late = list(events_of(answer.iter_lines()))
        assert [each["event"] for each in late] == ["state", "progress", "end"]
        known = {"Last-Event-ID": late[-1]["id"]}
        assert client.get(f"/imports/{job}/events", headers=known).status_code == 204


def events_of(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    event: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif event:
            yield event
            event = {}


def test_a_listener_that_reads_nothing_holds_up_neither_the_load_nor_the_service(
    live_service: LiveService, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "PROGRESS_EVERY_SECONDS", 0.0)
    host, port = live_service.url.removeprefix("http://").split(":")
    with httpx.Client(base_url=live_service.url, timeout=60) as client:
        upload = client.post("/uploads", content=birds_csv(20_000)).json()["upload"]
        wanted = {"upload": upload, "bucket": trial.bucket, "mapping": BIRDS}
        job = client.post("/imports", json=wanted).json()["id"]
        with socket.create_connection((host, int(port))) as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            silent.sendall(f"GET /imports/{job}/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            assert ended(client, job)["state"] == "verified"


def test_an_upload_that_breaks_off_leaves_nothing(live_service: LiveService, tmp_path: Path) -> None:
    host, port = live_service.url.removeprefix("http://").split(":")
    uploads = tmp_path / "service" / "uploads"
    with socket.create_connection((host, int(port))) as sender:
        sender.sendall(f"POST /uploads HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 9000000\r\n\r\n".encode())
        sender.sendall(b"x" * 3_000_000)
        wait_until(lambda: any(path.stat().st_size for path in uploads.glob("*/file/*")), "a part of it on the disk")
    wait_until(lambda: not list(uploads.iterdir()), "its removal")


def test_uploads_go_to_the_disk_piece_by_piece(
    live_service: LiveService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sizes, write = [], Draft.write

    def noted(draft: Draft, data: bytes) -> None:
        sizes.append(len(data))
        write(draft, data)

    monkeypatch.setattr(Draft, "write", noted)
    answer = httpx.post(f"{live_service.url}/uploads", content=(b"x" * 1_000_000 for _ in range(20)), timeout=60)
    assert answer.json()["bytes"] == 20_000_000
    assert max(sizes) < 3 << 20
    assert len(list((tmp_path / "service" / "uploads").rglob("file/*"))) == 1


def test_too_large_a_file_is_413_whether_it_says_so_or_not(make_live_service: LiveMaker, tmp_path: Path) -> None:
    live = make_live_service(max_upload_bytes=100_000)
    pieces = (b"x" * 10_000 for _ in range(20))
    for answer in (
        httpx.post(f"{live.url}/uploads", content=b"x" * 1_200_000),
        httpx.post(f"{live.url}/uploads", content=b"x" * 100_001),
        httpx.post(f"{live.url}/uploads", content=pieces),
        httpx.post(f"{live.url}/uploads", files={"file": ("a.csv", b"x" * 100_001)}),
    ):
        assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")
    assert list((tmp_path / "service" / "uploads").iterdir()) == []


def test_a_full_disk_is_507(service: TestClient, tmp_path: Path) -> None:
    with files_end_at(5_000):
        answer = service.post("/uploads", content=b"x" * 100_000)
    assert answer.status_code == 507, answer.text
    assert "cannot store the upload" in answer.json()["detail"]
    assert list((tmp_path / "service" / "uploads").iterdir()) == []


def test_a_file_in_the_allowed_folder_is_imported_and_shown_by_its_name_there(
    make_service: ServiceMaker, trial: Trial, tmp_path: Path
) -> None:
    folder = tmp_path / "open"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "birds.csv").write_text(birds_csv(50))
    (tmp_path / "secret.csv").write_text(birds_csv(50))
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    service = make_service(allow_folder=folder)
    job = begun(service, path="in/birds.csv", bucket=trial.bucket, mapping=BIRDS)
    assert job["source"] == "in/birds.csv"
    result = ended(service, job["id"])
    assert result["state"] == "verified"
    assert result["report"]["sources"][0]["path"] == "in/birds.csv"
    assert (folder / "in" / "birds.csv").exists()
    for path in ("../secret.csv", "link.csv", str(tmp_path / "secret.csv"), "/etc/passwd"):
        for route, more in (("/imports", {"bucket": trial.bucket}), ("/inspections", {})):
            answer = service.post(route, json={"path": path, **more})
            assert answer.status_code == 403, (route, path)
            assert str(tmp_path) not in answer.text.replace(path, "")
    assert service.post("/imports", json={"path": "none.csv", "bucket": trial.bucket}).status_code == 404


def test_without_an_allowed_folder_no_path_may_be_named(service: TestClient) -> None:
    answer = service.post("/inspections", json={"path": "birds.csv"})
    assert answer.status_code == 403
    assert "--allow-folder" in answer.json()["detail"]


def test_what_is_wrong_with_an_import_is_told_before_it_is_queued(service: TestClient, trial: Trial) -> None:
    upload = uploaded(service, birds_csv(9))["upload"]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"upload": upload, "bucket": trial.bucket, "mapping": {"measurement": "m"}}, "time"),
        ({"upload": upload, "bucket": trial.bucket, "mapping": "no = [toml"}, "TOML"),
        ({"upload": upload, "bucket": trial.bucket, "max_rejects": "many"}, "many"),
        ({"upload": upload, "bucket": trial.bucket, "retention": "soon"}, "soon"),
        ({"upload": upload, "bucket": trial.bucket, "csv": {"delimiter": "abc"}}, "delimiter"),
        ({"upload": upload, "bucket": "_system"}, "usable bucket name"),
        ({"upload": upload, "bucket": trial.bucket, "hints": {"timezone": "Mars/Base"}}, "Mars"),
        ({"upload": upload, "path": "x", "bucket": trial.bucket}, "exactly one"),
        ({"bucket": trial.bucket}, "exactly one"),
        ({"upload": upload, "bucket": trial.bucket, "unknown": 1}, "unknown"),
    ]
    for wanted, why in wrong:
        answer = service.post("/imports", json=wanted)
        assert answer.status_code == 400, (wanted, answer.text)
        assert why in answer.text, (why, answer.text)
    assert service.post("/imports", content="[", headers={"Content-Type": "application/json"}).status_code == 400
    assert service.post("/imports", content="a,b\n", headers={"Content-Type": "text/csv"}).status_code == 415
    assert service.post("/imports", json={"upload": "0" * 16, "bucket": trial.bucket}).status_code == 404
    assert service.get("/imports").json() == []


def test_a_bucket_that_may_not_be_replaced_is_409_and_stays(service: TestClient, trial: Trial) -> None:
    opened_bucket(trial.server, trial.bucket, create=True)
    before = trial.state_now()
    upload = uploaded(service, birds_csv(9))["upload"]
    for rule in ("auto", "fail"):
        answer = service.post(
            "/imports", json={"upload": upload, "bucket": trial.bucket, "mapping": BIRDS, "if_exists": rule}
        )
        assert answer.status_code == 409
        assert trial.bucket in answer.json()["detail"]
    form = {"files": {"file": ("birds.csv", birds_csv(9))}, "data": {"options": json.dumps({"bucket": trial.bucket})}}
    assert service.post("/imports", **form).status_code == 409
    assert trial.state_now() == before
    job = begun(service, upload=upload, bucket=trial.bucket, mapping=BIRDS, if_exists="replace")
    assert ended(service, job["id"])["state"] == "verified"


def test_a_bucket_under_way_is_409_and_too_many_waiting_imports_are_429(
    make_service: ServiceMaker, trial: Trial, influxd: Influxd
) -> None:
    held = threading.Event()
    service = make_service(max_queued_imports=1)
    jobs = service.app.state.resources.jobs
    jobs._connection = lambda: (held.wait(30), influxd.connection)[1]
    try:
        upload = uploaded(service, birds_csv(9))["upload"]
        first = begun(service, upload=upload, bucket=trial.bucket, mapping=BIRDS)
        wait_until(lambda: jobs.get(first["id"]).state == "running", "its start")
        conflict = service.post("/imports", json={"upload": upload, "bucket": trial.bucket, "mapping": BIRDS})
        assert conflict.status_code == 409
        assert first["id"] in conflict.json()["detail"]
        assert service.delete(f"/uploads/{upload}").status_code == 409
        waiting = begun(service, upload=upload, bucket=f"{trial.bucket}-a", mapping=BIRDS)
        full = service.post("/imports", json={"upload": upload, "bucket": f"{trial.bucket}-b", "mapping": BIRDS})
        assert (full.status_code, full.headers["Retry-After"]) == (429, "30")
        assert service.post("/imports", files={"file": ("a.csv", "a\n")}).status_code == 429
        cancelled = service.delete(f"/imports/{waiting['id']}")
        assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
        assert service.post(f"/imports/{waiting['id']}/resume").status_code == 409
        assert service.get(f"/imports/{first['id']}/chart").status_code == 409
        assert service.get(f"/imports/{first['id']}/track").status_code == 409
    finally:
        held.set()
    assert ended(service, first["id"])["state"] == "verified"
    assert service.delete(f"/imports/{first['id']}").status_code == 409


def test_an_import_that_nobody_knows_is_404(service: TestClient) -> None:
    for path in ("", "/events", "/rejects", "/chart", "/track"):
        assert service.get(f"/imports/none{path}").status_code == 404, path
    assert service.delete("/imports/none").status_code == 404
    assert service.post("/imports/none/resume").status_code == 404


def test_an_influxdb_that_is_away_is_503_and_nothing_is_queued(make_service: ServiceMaker) -> None:
    service = make_service(find=lambda: Connection("http://127.0.0.1:9", "a-token-of-nobody", "org"))
    upload = uploaded(service, birds_csv(9))["upload"]
    assert service.post("/inspections", json={"upload": upload}).status_code == 200  # which needs no server
    answer = service.post("/imports", json={"upload": upload, "bucket": "birds", "mapping": BIRDS})
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert service.get("/imports").json() == []


def test_a_file_is_looked_at_and_its_mapping_can_be_taken_as_it_is(service: TestClient, trial: Trial) -> None:
    upload = uploaded(service, birds_csv(200))["upload"]
    answer = service.post("/inspections", json={"upload": upload, "hints": {"tags": ["bird"]}})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["inspection"]["sources"] == ["birds.csv"]
    assert [column["role"] for column in found["inspection"]["columns"]] == ["time", "tag", "field", "field"]
    assert (found["tried"]["series"], found["tried"]["points"], found["tried"]["is_whole"]) == (7, 200, True)
    assert len(found["preview"]) == 20
    assert found["preview"][0] == {
        "measurement": "birds",
        "tags": {"bird": "b0"},
        "fields": {"lat": 47.0, "n": 0},
        "time": "2020-09-13T12:26:40Z",
    }
    for mapping in (found["mapping"], found["mapping_toml"]):
        tried = service.post("/inspections", json={"upload": upload, "mapping": mapping}).json()
        assert tried["tried"] == found["tried"]
        assert tried["preview"] == found["preview"]
        again = service.post("/inspections", json={"upload": upload, "mapping": tried["mapping_toml"]}).json()
        assert again["mapping"] == found["mapping"]
    job = begun(service, upload=upload, bucket=trial.bucket, mapping=found["mapping"])
    assert ended(service, job["id"])["report"]["points_written"] == 200


def test_a_mapping_is_tried_before_anything_is_written(service: TestClient) -> None:
    text = birds_csv(100, bad_lines=(5, 9)) + "1600000000,b0,1.5,7\n1600000000,b0\n"
    upload = uploaded(service, text)["upload"]
    found = service.post("/inspections", json={"upload": upload, "mapping": BIRDS}).json()["tried"]
    assert (found["rows"], found["rejects"], found["points"]) == (102, 3, 99)
    assert "line 5, lat" in " ".join(found["reject_examples"])
    assert (found["collisions"]["total"], found["collisions"]["overwritten"]) == (1, 1)
    without = {**BIRDS, "tags": {}}
    assert service.post("/inspections", json={"upload": upload, "mapping": without}).json()["tried"]["series"] == 1
    lacking = {**BIRDS, "time": {"column": "when"}}
    answer = service.post("/inspections", json={"upload": upload, "mapping": lacking})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("'birds.csv' has no column 'when'")


def test_what_the_data_leaves_open_is_asked_and_annotated_csv_says_it_itself(service: TestClient) -> None:
    unclear = uploaded(service, "when,v\n01/02/2020 10:00,1\n03/04/2020 10:00,2\n")["upload"]
    found = service.post("/inspections", json={"upload": unclear}).json()
    assert [question["option"] for question in found["inspection"]["questions"]] == ["hints.time_format"]
    assert found["mapping"] is None
    annotated = "#datatype measurement,tag,double,dateTime:RFC3339\nm,host,v,time\nm,a,1.5,2020-01-01T00:00:00Z\n"
    found = service.post("/inspections", json={"upload": uploaded(service, annotated)["upload"]}).json()
    assert (found["annotated"], found["inspection"], len(found["preview"])) == (True, None, 1)


def test_a_look_that_takes_too_long_is_504_and_says_what_to_do(
    make_service: ServiceMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads_module, "SHARE", 0.005)  # of the time: long before any other bound
    (tmp_path / "birds.csv").write_text(birds_csv(400_000))
    service = make_service(request_seconds=30, allow_folder=tmp_path)
    answer = service.post("/inspections", json={"path": "birds.csv"})
    assert answer.status_code == 504
    assert answer.json()["detail"].endswith("give a sample, such as 100000")


def test_a_look_at_what_is_not_there_is_404(make_service: ServiceMaker, tmp_path: Path) -> None:
    service = make_service(allow_folder=tmp_path)
    for chosen in ({"upload": "0" * 16}, {"path": "none.csv"}):
        assert service.post("/inspections", json=chosen).status_code == 404


def test_more_looks_at_once_than_there_is_room_for_are_429_without_holding_up_anything(
    service: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, looking = threading.Event(), threading.Semaphore(0)
    preview = uploads_module.preview

    def slow(*arguments: Any, **more: Any) -> Any:
        looking.release()
        held.wait(30)
        return preview(*arguments, **more)

    monkeypatch.setattr(uploads_module, "preview", slow)
    chosen = {"upload": uploaded(service, birds_csv(9))["upload"]}
    with ThreadPoolExecutor() as pool:
        try:
            first = [pool.submit(service.post, "/inspections", json=chosen) for _ in range(LOOKS_AT_ONCE)]
            for _ in first:
                assert looking.acquire(timeout=30)
            begun_at = time.monotonic()
            answer = service.post("/inspections", json=chosen)
            assert time.monotonic() - begun_at < 8
        finally:
            held.set()
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
        assert [each.result().status_code for each in first] == [200] * LOOKS_AT_ONCE


def test_who_comes_back_while_an_import_runs_gets_what_came_after(live_service: LiveService, trial: Trial) -> None:
    held, jobs = threading.Event(), live_service.app.state.resources.jobs
    connection = jobs._connection
    jobs._connection = lambda: (held.wait(30), connection())[1]
    with httpx.Client(base_url=live_service.url, timeout=60) as client:
        try:
            upload = client.post("/uploads", content=birds_csv(300)).json()["upload"]
            wanted = {"upload": upload, "bucket": trial.bucket, "mapping": BIRDS}
            job = client.post("/imports", json=wanted).json()["id"]
            wait_until(lambda: jobs.get(job).state == "running", "its start")
            with client.stream("GET", f"/imports/{job}/events") as answer:
                known = next(events_of(answer.iter_lines()))["id"]
        finally:
            held.set()
        with client.stream("GET", f"/imports/{job}/events", headers={"Last-Event-ID": known}) as answer:
            events = list(events_of(answer.iter_lines()))
    run, _, number = known.rpartition("-")
    assert (events[-1]["event"], json.loads(events[-1]["data"])["state"]) == ("end", "verified")
    assert all(each["id"].rpartition("-")[0] == run for each in events)
    assert all(int(each["id"].rpartition("-")[2]) > int(number) for each in events)


def test_a_chart_and_a_track_are_404_without_their_bucket_503_without_the_server_and_504_where_it_is_slow(
    make_service: ServiceMaker, influxd: Influxd, trial: Trial
) -> None:
    with fault_proxy(influxd.connection.url) as proxy:
        service = make_service(find=lambda: replace(influxd.connection, url=proxy.url))
        fields = {name: {"column": name, "type": "float"} for name in ("lat", "lon")}
        upload = uploaded(service, "t,lat,lon,bird\n1,1.5,2.5,b\n")["upload"]
        job = begun(service, upload=upload, bucket=trial.bucket, mapping={**BIRDS, "fields": fields})
        assert ended(service, job["id"])["state"] == "verified"

        def statuses() -> list[int]:
            return [service.get(f"/imports/{job['id']}/{what}").status_code for what in ("chart", "track")]

        assert statuses() == [200, 200]
        proxy.rule = lambda _: Fault()
        assert statuses() == [503, 503]
        settings = service.app.state.resources.settings
        settings.__dict__["request_seconds"] = 0.3
        proxy.rule = lambda _: Fault(hangs_seconds=0.8)
        assert statuses() == [504, 504]
        settings.__dict__["request_seconds"] = 60.0
        proxy.rule = lambda _: None
        bucket = catalogue.find(influxd.server, trial.bucket)
        assert bucket is not None
        catalogue.delete(influxd.server, bucket.id)
        assert statuses() == [404, 404]


def test_what_is_removed_of_a_request_that_failed_is_removed_by_a_thread(
    make_service: ServiceMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[bool] = []

    def noted(method: Any) -> Any:
        def call(*arguments: Any) -> Any:
            with suppress(RuntimeError):
                places.append(asyncio.get_running_loop() is None)
                return method(*arguments)
            places.append(True)
            return method(*arguments)

        return call

    for kind, name in ((Jobs, "discard"), (Uploads, "remove"), (Draft, "discard")):
        monkeypatch.setattr(kind, name, noted(getattr(kind, name)))
    service = make_service()
    two = [("file", ("a.csv", "a\n")), ("file", ("b.csv", "b\n"))]
    assert service.post("/uploads", files=two).status_code == 400
    assert service.post("/imports", files={"file": ("a.csv", "a\n")}, data={"options": "["}).status_code == 400
    assert service.post("/uploads", content=b"a\n").status_code == 201
    assert len(places) >= 4
    assert all(places)


def test_a_verified_import_is_shown_as_a_chart_and_on_a_map(service: TestClient, trial: Trial) -> None:
    lines = ["t,bird,lat,lon,n,note"]
    lines += [f"{1_600_000_000 + n * 60},b{n % 3},{n / 100},{n / 50},{n},x" for n in range(6_000)]
    mapping = {
        **BIRDS,
        "fields": {
            "lat": {"column": "lat", "type": "float"},
            "Longitude": {"column": "lon", "type": "float"},
            "n": {"column": "n", "type": "integer"},
            "note": {"column": "note", "type": "string"},
        },
    }
    upload = uploaded(service, "\n".join(lines) + "\n")["upload"]
    job = begun(service, upload=upload, bucket=trial.bucket, mapping=mapping)
    assert ended(service, job["id"])["state"] == "verified"
    chart = service.get(f"/imports/{job['id']}/chart", params={"field": "n"}).json()
    windows = chart["windows"]
    assert (chart["type"], sorted(chart["fields"])) == ("integer", ["Longitude", "lat", "n", "note"])
    assert (len(windows), sum(window["count"] for window in windows)) == (300, 6_000)
    assert windows[0] == {"time": "2020-09-13T12:26:40Z", "mean": 9.5, "least": 0.0, "most": 19.0, "count": 20}
    assert service.get(f"/imports/{job['id']}/chart").json()["field"] == "Longitude"
    texts = service.get(f"/imports/{job['id']}/chart", params={"field": "note"}).json()["windows"]
    assert {(window["mean"], window["count"]) for window in texts} == {(None, 20)}
    for hostile in ("none", 'n") FROM x; DROP', "\\"):
        assert service.get(f"/imports/{job['id']}/chart", params={"field": hostile}).status_code == 404
    track = service.get(f"/imports/{job['id']}/track").json()
    assert (track["latitude"], track["longitude"], track["is_whole"]) == ("lat", "Longitude", False)
    assert 4_000 < len(track["points"]) <= 5_000
    assert track["points"][0] == {"series": "bird=b0", "time": "2020-09-13T12:26:40Z", "lat": 0.0, "lon": 0.0}
    assert {point["series"] for point in track["points"]} == {"bird=b0", "bird=b1", "bird=b2"}


def test_a_small_import_is_on_the_map_as_it_is_and_one_without_coordinates_is_on_none(
    service: TestClient, trial: Trial
) -> None:
    fields = {name: {"column": name, "type": "float"} for name in ("lat", "lon")}
    upload = uploaded(service, "t,lat,lon,bird\n1,1.5,2.5,b\n2,,2.5,b\n3,3.5,4.5,\n")["upload"]
    job = begun(service, upload=upload, bucket=trial.bucket, mapping={**BIRDS, "fields": fields})
    ended(service, job["id"])
    track = service.get(f"/imports/{job['id']}/track").json()
    assert track["is_whole"]
    assert [(point["series"], point["lat"], point["lon"]) for point in track["points"]] == [
        ("", 3.5, 4.5),
        ("bird=b", 1.5, 2.5),
    ]
    upload = uploaded(service, birds_csv(9))["upload"]
    job = begun(service, upload=upload, bucket=f"{trial.bucket}-n", mapping=BIRDS)
    ended(service, job["id"])
    assert service.get(f"/imports/{job['id']}/track").status_code == 404


def test_on_a_map_with_too_many_points_latitude_and_longitude_are_of_one_point(
    service: TestClient, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "TRACK_POINTS", 2)
    fields = {name: {"column": name, "type": kind} for name, kind in (("lat", "float"), ("lon", "integer"))}
    rows = "t,lat,lon,bird\n10,1.5,,b\n11,,2,b\n12,-3.5,-4,b\n13,5.5,6,b\n90,7.5,8,b\n99,9.5,,b\n"
    upload = uploaded(service, rows)["upload"]
    job = begun(service, upload=upload, bucket=trial.bucket, mapping={**BIRDS, "fields": fields})
    assert ended(service, job["id"])["state"] == "verified"
    track = service.get(f"/imports/{job['id']}/track").json()
    assert not track["is_whole"]
    assert [(point["time"], point["lat"], point["lon"]) for point in track["points"]] == [
        ("1970-01-01T00:00:10Z", -3.5, -4.0),
        ("1970-01-01T00:00:54.500000001Z", 7.5, 8.0),
    ]


def test_the_newest_imports_come_first_and_no_more_than_asked_for(service: TestClient, trial: Trial) -> None:
    jobs = []
    for number in range(3):
        upload = uploaded(service, birds_csv(9))["upload"]
        jobs.append(begun(service, upload=upload, bucket=f"{trial.bucket}-{number}", mapping=BIRDS)["id"])
    assert [job["id"] for job in service.get("/imports", params={"limit": 2}).json()] == [jobs[2], jobs[1]]
    assert service.get("/imports", params={"limit": 0}).status_code == 400
    for job in jobs:
        ended(service, job)
    assert 'importer_imports{state="verified"} 3.0' in service.get("/internal/metrics").text


def test_a_job_whose_mapping_takes_more_than_a_mebibyte_is_refused_before_anything_is_kept(service: TestClient) -> None:
    upload = uploaded(service, "time,a\n2024-05-01T10:00:00Z,1\n")["upload"]
    answer = service.post("/imports", json={"upload": upload, "bucket": "b", "mapping": "#" * (1 << 20)})
    assert answer.status_code == 400
    assert "may have 1,048,576 bytes" in answer.text
    assert service.get("/imports").json() == []
