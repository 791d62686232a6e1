"""What loads and inspections say, in the terms of the API: parts of a request in place of the command line's options.

Goes in: what they said. Comes out: the same, as clients of the service can act on it. Data is left as it is.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from importer.inspecting.previewing import Preview
from importer.jobs.events import Event
from importer.jobs.job import Job

__all__ = ["event_in_requests_words", "in_requests_words", "job_in_requests_words", "preview_in_requests_words"]

_PARTS: Final = {
    "allow-empty": "allow_empty",
    "ambiguous": "hints.ambiguous",
    "bucket": "bucket",
    "decimal": "csv.decimal",
    "delimiter": "csv.delimiter",
    "encoding": "csv.encoding",
    "field": "hints.fields",
    "filter": "hints.row_filter",
    "header": "csv.header",
    "keep-old": "keep_old",
    "limit": "limit",
    "mapping": "mapping",
    "max-rejects": "max_rejects",
    "measurement": "hints.measurement",
    "null": "csv.null",
    "precision": "precision",
    "retention": "retention",
    "sample": "sample",
    "skip-header": "csv.skip_header",
    "skip-rows": "csv.skip_rows",
    "tag": "hints.tags",
    "time": "hints.time",
    "time-format": "hints.time_format",
    "timezone": "hints.timezone",
}
"""Options of the command line, and the parts of a request that say the same."""

_OF_THE_SERVICE: Final = (
    "allow-folder",
    "allow-http",
    "ca-file",
    "cors-origin",
    "series-bucket",
    "skip-verify",
    "state-dir",
    "token-file",
)
_RESUME: Final = "POST /imports/{id}/resume"
_OPTION = re.compile(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)(?: (append|replace|fail)\b)?")
_FOR_PEOPLE_AT_THE_KEYBOARD = re.compile(r" \(--wait\)")


def in_requests_words(text: str) -> str:
    """A sentence."""
    return _OPTION.sub(_part, _FOR_PEOPLE_AT_THE_KEYBOARD.sub("", text))


def job_in_requests_words(job: Job) -> Job:
    """A job: its error, and what the report warns of."""
    changed: dict[str, Any] = {}
    if job.error is not None:
        changed["error"] = job.error.model_copy(update={"message": in_requests_words(job.error.message)})
    report = job.report
    if report is not None:
        error = None if report.error is None else in_requests_words(report.error)
        warnings = [in_requests_words(each) for each in report.warnings]
        changed["report"] = report.model_copy(update={"error": error, "warnings": warnings})
    return job.model_copy(update=changed) if changed else job


def event_in_requests_words(event: Event) -> str:
    """An event's data; most say nothing that would have to be put otherwise, and are not even read."""
    if event.kind == "progress" or "--" not in event.data:
        return event.data
    told = json.loads(event.data)
    if event.kind == "log":
        told["message"] = in_requests_words(told["message"])
    else:
        told = job_in_requests_words(Job.model_validate(told)).model_dump(mode="json")
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def preview_in_requests_words(found: dict[str, Any]) -> Preview:
    """What an inspection says; what stands in the file is left as it is.

    Args:
        found: a :class:`~importer.inspecting.previewing.Preview` as JSON has it.
    """
    inspection, tried = found["inspection"], found["tried"]
    if inspection is not None:
        for name in ("warnings", "broken_examples", "reject_examples"):
            inspection[name] = _all(inspection[name])
        inspection["dialect"]["reasons"] = _all(inspection["dialect"]["reasons"])
        for each in (*inspection["columns"], *inspection["times"], *inspection["tags"]):
            each["why"] = in_requests_words(each["why"])
        for question in inspection["questions"]:
            question["text"] = in_requests_words(question["text"])
            question["option"] = _PARTS.get(question["option"].removeprefix("--"), question["option"])
    if tried is not None:
        tried["reject_examples"] = _all(tried["reject_examples"])
    if found["mapping_toml"] is not None:
        lines = found["mapping_toml"].split("\n")
        found["mapping_toml"] = "\n".join(in_requests_words(line) if line.startswith("#") else line for line in lines)
    return Preview.model_validate(found)


def _all(texts: list[str]) -> list[str]:
    return [in_requests_words(text) for text in texts]


def _part(found: re.Match[str]) -> str:
    name, value = found[1], found[2]
    if name == "if-exists":
        return f'"if_exists": "{value}"' if value else '"if_exists"'
    after = f" {value}" if value else ""
    if name == "resume":
        return _RESUME + after
    if name in _PARTS:
        return f'"{_PARTS[name]}"{after}'
    return f"--{name} ({'of the service' if name in _OF_THE_SERVICE else 'on the command line only'}){after}"
