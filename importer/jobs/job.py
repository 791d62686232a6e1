"""What a job is: what was asked for, how far it is, what became of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import to_json

from importer.choices import IfExists, LocalTimePolicy, Precision
from importer.ledger.report import Report
from importer.mapping.parts import Strict
from importer.progress import Phase, Snapshot

__all__ = ["ACTIVE", "ENDED", "Job", "JobError", "JobProgress", "JobState", "Record", "Wanted", "WantedHints", "now"]

MOST_WANTED_BYTES = 1 << 20
"""Of what is asked for, which a job's record keeps in memory for as long as the job is known."""

JobState = Literal["queued", "running", "verified", "failed", "cancelled", "interrupted"]
ACTIVE: frozenset[JobState] = frozenset({"queued", "running", "interrupted"})
"""Jobs that hold their bucket and their file: they run, or will."""
ENDED: frozenset[JobState] = frozenset({"verified", "failed", "cancelled"})


def now() -> str:
    """This moment, RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class WantedHints(Strict):
    """What is known better than what would be found out; the rest of the mapping is inferred."""

    measurement: str | None = None
    time: tuple[str, ...] = Field(default=(), description="The column with the time, or several, joined by a space.")
    time_format: str | None = None
    timezone: str | None = None
    ambiguous: LocalTimePolicy | None = None
    tags: tuple[str, ...] = Field(default=(), description="COL or KEY=COL: these are the tags.")
    fields: tuple[str, ...] = Field(default=(), description="COL, COL:TYPE or KEY=COL:TYPE: these are the fields.")
    row_filter: str | None = Field(default=None, description="An SQL condition over the columns, as text.")


class Wanted(Strict):
    """How to load: the same as the options of ``importer load``."""

    bucket: str | None = Field(default=None, description="Default: named after the file.")
    mapping: dict[str, Any] | str | None = Field(
        default=None, description="As JSON, or the text of a mapping file (TOML); null: it is inferred."
    )
    csv: dict[str, Any] = Field(default_factory=dict, description="How to read the text: delimiter, encoding, null, …")
    hints: WantedHints | None = Field(default=None, description="Parts of a mapping that is inferred otherwise.")
    if_exists: IfExists = "auto"
    max_rejects: int | str = Field(default=0, description='A number, or a percentage such as "0.5%".')
    retention: str | None = Field(default=None, description="Such as 90d; 0 for ever.")
    keep_old: bool = False
    allow_empty: bool = False
    limit: int | None = Field(default=None, ge=1, description="Rows to read at the most.")
    precision: Precision = "ns"

    @model_validator(mode="after")
    def _is_not_large(self) -> Self:
        if len(to_json([self.mapping, self.csv, self.hints])) > MOST_WANTED_BYTES:
            raise ValueError(f"mapping, csv and hints together may have {MOST_WANTED_BYTES:,} bytes")
        return self


class JobProgress(BaseModel):
    """How far a load is: the ledger so far."""

    model_config = ConfigDict(frozen=True)

    phase: Phase
    share: float | None = Field(default=None, description="Of the phase, 0 to 1; null where its end is not known.")
    bytes_read: int = 0
    total_bytes: int | None = None
    rows: int = Field(default=0, description="Read so far.")
    points: int = Field(default=0, description="Acknowledged by the server so far.")
    rejects: int = Field(default=0, description="Rows and points so far.")

    @classmethod
    def of(cls, snapshot: Snapshot) -> JobProgress:
        """What a load tells."""
        return cls(
            phase=snapshot.phase,
            share=snapshot.share,
            bytes_read=snapshot.bytes_read,
            total_bytes=snapshot.total_bytes,
            rows=snapshot.rows,
            points=snapshot.points,
            rejects=snapshot.rejects,
        )


class JobError(BaseModel):
    """Why a job did not end well, or does not go on."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="The error's name, such as RejectBudgetError.")
    message: str


class Job(BaseModel):
    """An import."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "id": "20240501T101500-004812345-3fa91c",
                    "state": "running",
                    "cancelling": False,
                    "bucket": "birds",
                    "source": "birds.csv",
                    "upload": "5f2b8c0e4d1a7b93",
                    "created": "2024-05-01T10:15:00.004Z",
                    "started": "2024-05-01T10:15:00.102Z",
                    "ended": None,
                    "attempts": 1,
                    "progress": {
                        "phase": "load",
                        "share": 0.42,
                        "bytes_read": 4194304,
                        "total_bytes": 9986432,
                        "rows": 58000,
                        "points": 40000,
                        "rejects": 2,
                    },
                    "report": None,
                    "error": None,
                }
            ]
        },
    )

    id: str
    state: JobState
    cancelling: bool = Field(default=False, description="It was told to end, and has not yet.")
    bucket: str
    source: str = Field(description="The file's name.")
    upload: str | None = Field(default=None, description="The upload that it reads; null for a path.")
    created: str
    started: str | None = None
    ended: str | None = None
    attempts: int = Field(default=0, description="How often it was begun: more than once after a restart.")
    progress: JobProgress | None = None
    report: Report | None = None
    error: JobError | None = None


class Record(Job):
    """A job as it is kept: with what it needs to be run again."""

    path: str
    wanted: Wanted
    load_id: str | None = None
    deaths: int = 0
    """How often the service died while the job ran."""

    @property
    def shown(self) -> Job:
        """What others see of it."""
        return Job.model_validate({name: getattr(self, name) for name in Job.model_fields})
