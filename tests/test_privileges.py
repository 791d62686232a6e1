"""What docs/security.md says about permissions holds on the real server: with exactly these, and with one fewer."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import importer
from importer import AuthorizationError, ImporterError, Measurement, MeasurementWriter, NotFoundError, Report
from importer.bucket import catalogue
from importer.cleaning import clean
from importer.server.connection import Connection, Server
from tests.bucket.test_staging import start_child
from tests.loading import BIRDS, ROOT, Trial, birds_csv

NEEDED = ("read:orgs", "read:buckets", "write:buckets")
LABELS = ("read:labels", "write:labels")
NEIGHBOURS = ("read:authorizations", "read:users", "read:replications")

NAMED = {
    "read:orgs": (NotFoundError, r"needs the permission to read it \(read:orgs\)"),
    "read:buckets": (AuthorizationError, r"refuses the token .*read:orgs/\w+/buckets/\w+ is unauthorized"),
    "write:buckets": (AuthorizationError, r"refuses the token .*write:orgs/\w+/buckets is unauthorized"),
}


@dataclass
class Tokens:
    """Makes tokens of few permissions, and connections with them."""

    server: Server
    made: list[str]

    def __call__(self, *permissions: str, bucket_id: str | None = None) -> Connection:
        body = {
            "orgID": self.server.org_id,
            "description": "a token of few permissions",
            "permissions": [self._permission(*permission.split(":"), bucket_id) for permission in permissions],
        }
        answer = self.server.call("POST", "/api/v2/authorizations", body=body)
        self.made.append(answer["id"])
        return Connection(self.server.connection.url, answer["token"], self.server.connection.org)

    def _permission(self, action: str, kind: str, bucket_id: str | None) -> dict[str, Any]:
        resource: dict[str, str] = {"type": kind, "orgID": self.server.org_id}
        if kind == "orgs":
            resource = {"type": "orgs", "id": self.server.org_id}
        elif kind == "users":
            resource = {"type": "users", "id": self.server.call("GET", "/api/v2/me")["id"]}
        elif kind == "buckets" and bucket_id:
            resource["id"] = bucket_id
        return {"action": action, "resource": resource}


@pytest.fixture
def tokens(trial: Trial) -> Iterator[Tokens]:
    made: list[str] = []
    yield Tokens(trial.server, made)
    for made_id in made:
        trial.server.call("DELETE", f"/api/v2/authorizations/{made_id}")


@pytest.fixture
def load(trial: Trial) -> Callable[..., Report]:
    path = trial.csv(birds_csv(30))

    def run(connection: Connection, **options: Any) -> Report:
        chosen = trial.options(wait_seconds=1, **options)
        return importer.load(path, mapping=BIRDS, options=chosen, connection=connection)

    return run


@pytest.fixture
def dressed(trial: Trial) -> Iterator[str]:
    """The bucket is there, by a load of somebody who may do everything, with a label and a database name."""
    trial.load(trial.csv(birds_csv(20), "earlier.csv"))
    server, body = trial.server, {"orgID": trial.server.org_id, "name": f"label-{uuid.uuid4().hex}"}
    label = server.call("POST", "/api/v2/labels", body=body)["label"]["id"]
    server.call("POST", f"/api/v2/buckets/{trial.bucket_id}/labels", body={"labelID": label})
    mapping = {"bucketID": trial.bucket_id, "database": database(trial), "retention_policy": "a", "default": True}
    server.call("POST", "/api/v2/dbrps", body=mapping | {"orgID": server.org_id})
    yield label
    server.call("DELETE", f"/api/v2/labels/{label}")


def database(trial: Trial) -> str:
    return f"database-of-{trial.bucket}"


def labels_of(trial: Trial) -> tuple[str, ...]:
    found = catalogue.find(trial.server, trial.bucket)
    assert found is not None
    return found.settings.label_ids


@pytest.mark.promise(
    fault="The token has just the permissions that docs/security.md names",
    promise="Loads that make, replace and append to a bucket work; database names are carried over.",
    seen="a warning that labels and other tokens could not be looked at, where these permissions are left out",
)
def test_the_permissions_that_are_documented_are_enough_to_make_replace_and_append(
    trial: Trial, tokens: Tokens, load: Callable[..., Report]
) -> None:
    connection = tokens(*NEEDED)
    assert [load(connection, if_exists=how).status for how in ("fail", "auto", "append")] == ["verified"] * 3
    assert trial.rows().height == 60
    assert clean(trial.bucket, connection=connection, state_dir=trial.state) == []


def test_database_names_follow_without_further_permissions_and_labels_are_warned_of(
    trial: Trial, tokens: Tokens, load: Callable[..., Report], dressed: str
) -> None:
    report = load(tokens(*NEEDED))
    assert (report.status, labels_of(trial)) == ("verified", ())
    assert any("labels that this token cannot see" in warning for warning in report.warnings)
    query = {"orgID": trial.server.org_id, "db": database(trial)}
    (entry,) = trial.server.call("GET", "/api/v2/dbrps", query=query)["content"]
    assert entry["bucketID"] == trial.bucket_id
    assert dressed not in str(report)


def test_labels_follow_with_the_permissions_for_them(
    trial: Trial, tokens: Tokens, load: Callable[..., Report], dressed: str
) -> None:
    load(tokens(*NEEDED, *LABELS))
    assert labels_of(trial) == (dressed,)


def test_labels_that_may_be_read_but_not_given_are_named(
    trial: Trial, tokens: Tokens, load: Callable[..., Report], dressed: str
) -> None:
    report = load(tokens(*NEEDED, "read:labels"))
    assert labels_of(trial) == ()
    assert any(f"the label {dressed} could not be carried over" in warning for warning in report.warnings)


def test_tokens_of_the_replaced_bucket_are_named_with_the_permissions_to_look(
    trial: Trial, tokens: Tokens, load: Callable[..., Report]
) -> None:
    load(trial.connection)
    tokens("read:buckets", bucket_id=trial.bucket_id)
    (warning,) = load(tokens(*NEEDED, *LABELS, *NEIGHBOURS)).warnings
    assert f"({tokens.made[0]}) is limited to the replaced bucket's id" in warning


@pytest.mark.parametrize("how", ["auto", "append"])
@pytest.mark.parametrize("missing", NEEDED)
@pytest.mark.promise(
    fault="A permission that a load needs is missing",
    promise="The load ends before anything is written; the live bucket is untouched and nothing is left behind.",
    seen="error: the server refuses the token (401): write:orgs/.../buckets is unauthorized; exit 1",
)
def test_without_one_of_the_permissions_the_load_names_it_and_leaves_everything_as_it_was(
    trial: Trial, tokens: Tokens, load: Callable[..., Report], missing: str, how: str
) -> None:
    trial.load(trial.csv(birds_csv(20), "earlier.csv"))
    before = trial.state_now()
    kind, said = NAMED[missing]
    with pytest.raises(kind) as error:
        load(tokens(*(name for name in NEEDED if name != missing)), if_exists=how)
    assert re.search(said, str(error.value))
    assert (trial.state_now(), trial.buckets) == (before, {""})


@pytest.mark.parametrize("how", ["replace", "append"])
def test_a_token_that_is_limited_to_the_bucket_itself_is_not_enough(
    trial: Trial, tokens: Tokens, load: Callable[..., Report], how: str
) -> None:
    trial.load(trial.csv(birds_csv(20), "earlier.csv"))
    before = trial.state_now()
    with pytest.raises(AuthorizationError, match=r"write:orgs/\w+/buckets is unauthorized"):
        load(tokens(*NEEDED, bucket_id=trial.bucket_id), if_exists=how)
    assert (trial.state_now(), trial.buckets) == (before, {""})


@pytest.fixture
def leftover(trial: Trial) -> str:
    """What a killed load has left."""
    child = start_child(trial.connection, trial.bucket)
    child.kill()
    child.wait()
    (left,) = trial.buckets
    return left


def test_looking_for_what_loads_have_left_needs_to_read_and_removing_it_to_write(
    trial: Trial, tokens: Tokens, leftover: str
) -> None:
    def found(*permissions: str, remove: bool = False) -> list[str]:
        connection = tokens(*permissions)
        return [
            each.bucket for each in clean(trial.bucket, remove=remove, connection=connection, state_dir=trial.state)
        ]

    name = f"{trial.bucket}{leftover}"
    with pytest.raises(NotFoundError, match=NAMED["read:orgs"][1]):
        found("read:buckets", "write:buckets", remove=True)
    assert found("read:orgs", "write:buckets") == []  # the server then says that there are no buckets
    assert found("read:orgs", "read:buckets") == [name]
    with pytest.raises(AuthorizationError, match=r"write:orgs/\w+/buckets/\w+ is unauthorized"):
        found("read:orgs", "read:buckets", remove=True)
    assert trial.buckets == {leftover}
    assert found(*NEEDED, remove=True) == [name]
    assert trial.buckets == set()


class Reading(Measurement):
    name = "readings"

    def tags(self) -> dict[str, str]:
        return {}

    def fields(self) -> dict[str, float]:
        return {"v": 1.0}


def written(trial: Trial, connection: Connection) -> None:
    with MeasurementWriter(trial.bucket, connection=connection, wait_seconds=1) as writer:
        writer.write(Reading())


def generated(trial: Trial, connection: Connection) -> None:
    options = trial.options(if_exists="replace", wait_seconds=1)
    importer.load_generated("telemetry", points=10, options=options, connection=connection)


def applied(trial: Trial, connection: Connection) -> None:
    wanted = trial.folder / "buckets.toml"
    wanted.write_text(f'[[buckets]]\nname = "{trial.bucket}-{uuid.uuid4().hex[:6]}"\n')
    importer.apply_buckets(wanted, connection=connection)


COMMANDS: dict[str, tuple[tuple[str, ...], Callable[[Trial, Connection], object]]] = {
    "read": (("read:orgs", "read:buckets"), lambda trial, who: importer.read(trial.bucket, connection=who)),
    "analyze": (("read:orgs", "read:buckets"), lambda trial, who: importer.analyze(trial.bucket, connection=who)),
    "buckets show": (
        ("read:orgs", "read:buckets"),
        lambda trial, who: importer.show_bucket(trial.bucket, connection=who),
    ),
    "buckets apply": (("read:orgs", "write:buckets"), applied),
    "generate": (NEEDED, generated),
    "MeasurementWriter": (NEEDED, written),
    "buckets delete": (NEEDED, lambda trial, who: importer.delete_bucket(trial.bucket, connection=who)),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_around_a_bucket_needs_what_is_documented_and_no_less(
    trial: Trial, tokens: Tokens, command: str
) -> None:
    trial.load(trial.csv(birds_csv(20)))
    needed, run = COMMANDS[command]
    for missing in needed:
        with pytest.raises(ImporterError):
            run(trial, tokens(*(name for name in needed if name != missing)))
    run(trial, tokens(*needed))


def test_a_token_of_one_bucket_is_enough_to_read_and_to_write_measurements(trial: Trial, tokens: Tokens) -> None:
    trial.load(trial.csv(birds_csv(20)))
    connection = tokens(*NEEDED, bucket_id=trial.bucket_id)
    for command in ("read", "analyze", "buckets show", "MeasurementWriter"):
        COMMANDS[command][1](trial, connection)


def test_a_dry_run_needs_no_token(trial: Trial) -> None:
    path = trial.csv(birds_csv(3))
    with (trial.folder / "out").open("wb") as out:
        report = importer.load(path, mapping=BIRDS, options=trial.options(dry_run=True), stdout=out)
    assert report.status == "dry_run"


def test_the_document_names_each_permission_and_no_other() -> None:
    text = Path(ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:read|write):\w+)`", text))
    assert named == {*NEEDED, *LABELS, *NEIGHBOURS}
