"""Imports over HTTP: files in, jobs watched, rejects and results out; with the real InfluxDB behind them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.jobs.watching import ended
from tests.loading import BIRDS, Trial, birds_csv


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
