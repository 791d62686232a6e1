"""``importer.export``: a part of a bucket as a file.

Goes in: a bucket, what of it is wanted, and a file's name. Comes out: the file, whole or not at all, and what is in it.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Unpack, cast

from importer.errors import ConfigurationError
from importer.new_files import check_place, new_file
from importer.reading.files import ENDINGS, FORMATS, FileFormat, writer
from importer.reading.loading_back import EMPTY_TEXTS_STAY_OUT, mapping_text, no_mapping_because
from importer.reading.opening import Reading, check_place_of_rows, reading_of
from importer.reading.points import Progress
from importer.reading.selection import Selection, Wanted, selection
from importer.server.connection import Connection
from importer.streams import given_stream

__all__ = ["Exported", "export", "planned"]

ROWS, MAPPING = "the rows", "the mapping"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        path: the file.
        format: csv, parquet, lp or json.
        rows: how many.
        values: of all fields; as many as the server counts.
        bytes: of the file; None where it has no size, such as a pipe.
        measurements: the names of those that have rows in it.
        warnings: what is left out, or will not load back as it is stored.
        mapping: the mapping file that was written.
        load_command: loads the file back by that mapping.
    """

    path: str
    format: FileFormat
    rows: int
    values: int
    bytes: int | None
    measurements: tuple[str, ...]
    warnings: tuple[str, ...]
    mapping: str | None = None
    load_command: str | None = None


def export(
    bucket: str | None,
    output: str | Path | BinaryIO,
    *,
    from_backup: str | Path | None = None,
    state_dir: str | Path | None = None,
    format: FileFormat | None = None,  # noqa: A002 - as the option is called
    limit: int | None = None,
    escape_formulas: bool = False,
    write_mapping: str | Path | None = None,
    force: bool = False,
    connection: Connection | None = None,
    progress: Progress | None = None,
    interrupt: threading.Event | None = None,
    wait_seconds: float = 10.0,
    **wanted: Unpack[Wanted],
) -> Exported:
    """Write a part of a bucket to a file, in bounded memory, whatever the bucket's size.

    The file is written under another name beside it and gets its own at the end, when all that the server counts is in
    it: whatever breaks it off leaves no file, and an older one as it was.

    Args:
        bucket: its name; None: the only one of a backup.
        output: the file's name; or an open binary file, which takes each part as soon as it is whole.
        from_backup: the folder of a backup, as in :func:`importer.read`.
        state_dir: where its files are unpacked meanwhile.
        format: csv, parquet, lp (line protocol) or json; None: as the file's ending says, csv for an open file.
        limit: so many rows at the most.
        escape_formulas: in CSV, put an apostrophe before texts that a spreadsheet would take for a formula (those that
            begin with ``= + - @``, a tab or a carriage return). Such a file does not load back as it was.
        write_mapping: write a mapping file by which ``importer load`` loads the file back.
        force: replace files that exist.
        connection: which server; None finds it as the command line does, and starts a local one if none is named.
        progress: called with the values read so far, of how many, and the rows that they made.
        interrupt: set from elsewhere, it breaks off whatever is under way.
        wait_seconds: how long an absent server is waited for.
        wanted: what of the bucket, as in :func:`importer.read`: ``window``, ``start``, ``stop``, ``aggregate``, ``fn``,
            ``measurement``, ``tags``, ``fields``.

    Returns:
        what was written, with warnings of what will not load back as it is stored.

    Raises:
        ConfigurationError: an option is not understood, names what is not there, or a file exists.
        LoadInterruptedError: it was interrupted.
        NotFoundError: there is no such bucket.
        VerificationError: what was read is not what the server counts.
        SourceError: the folder is no backup, or a file of it is missing or damaged.
        SpoolError: there is no room to unpack it.
        ServerError: the server refuses, or did not answer in time.
        ImporterError: the file cannot be written.
    """
    path, kind, mapping, chosen = planned(
        bucket,
        output,
        from_backup=from_backup,
        format=format,
        escape_formulas=escape_formulas,
        write_mapping=write_mapping,
        force=force,
        **wanted,
    )
    with (
        reading_of(
            bucket,
            chosen,
            from_backup=from_backup,
            state_dir=state_dir,
            limit=limit,
            connection=connection,
            progress=progress,
            interrupt=interrupt,
            wait_seconds=wait_seconds,
        ) as found,
        new_file(path, ROWS, replace=force) if path else given_stream(cast("BinaryIO", output)) as file,
    ):
        why_not = no_mapping_because(found.columns)
        if mapping is not None and why_not:
            raise ConfigurationError(f"there is no mapping that loads it back: {why_not}")
        done = _write(found, file, kind, escape_formulas=escape_formulas)
    loading, name = None, str(path or "-")
    if mapping is not None:
        with new_file(mapping, MAPPING, replace=force) as file:
            file.write(mapping_text(found.columns, name).encode())
        loading = shlex.join(["importer", "load", name, "--mapping", str(mapping), "--bucket", f"{found.bucket}-copy"])
    return Exported(
        path=name,
        format=kind,
        rows=done.rows,
        values=done.values,
        bytes=path.stat().st_size if path and path.is_file() else None,
        measurements=done.measurements,
        warnings=(*found.warnings, *done.warnings),
        mapping=str(mapping) if mapping is not None else None,
        load_command=loading,
    )


def planned(
    bucket: str | None,
    output: str | Path | BinaryIO,
    *,
    from_backup: str | Path | None = None,
    format: FileFormat | None = None,  # noqa: A002 - as the option is called
    escape_formulas: bool = False,
    write_mapping: str | Path | None = None,
    force: bool = False,
    **wanted: Unpack[Wanted],
) -> tuple[Path | None, FileFormat, Path | None, Selection]:
    """What is wrong with an export is told before a server is looked for, or started.

    Args:
        bucket: as in :func:`export`, like the others.
        output: a file.
        from_backup: a folder.
        format: csv, parquet, lp or json.
        escape_formulas: of CSV.
        write_mapping: a file.
        force: replace files.
        wanted: what of the bucket.

    Returns:
        the file, its format, the mapping's file, and what is to be read.

    Raises:
        ConfigurationError: something is.
        SourceError: the folder is no backup.
    """
    path = Path(output) if isinstance(output, str | Path) else None
    kind = _format_of(path, format)
    mapping = Path(write_mapping) if write_mapping is not None else None
    for each, what in ((path, ROWS), (mapping, MAPPING)):
        if each is not None:
            check_place(each, what, replace=force)
    if mapping is not None and path is not None and mapping.resolve() == path.resolve():
        raise ConfigurationError(f"the rows and the mapping cannot both go to {str(path)!r}")
    if mapping is not None and escape_formulas:
        raise ConfigurationError(
            "a file in which formulas are escaped does not load back as it was: leave --escape-formulas or "
            "--write-mapping out"
        )
    if mapping is not None and kind not in ("csv", "parquet"):
        raise ConfigurationError(f"a mapping loads CSV and Parquet, not {kind}: leave --write-mapping out")
    if escape_formulas and kind != "csv":
        raise ConfigurationError(f"only CSV is opened by spreadsheets that obey formulas: leave that out for {kind}")
    chosen = selection(**wanted)
    check_place_of_rows(bucket, from_backup, chosen)
    return path, kind, mapping, chosen


def _format_of(output: Path | None, named: str | None) -> FileFormat:
    """The format of a file; csv for one that has no name.

    Raises:
        ConfigurationError: it is unknown, or neither named nor told by the file's ending.
    """
    if named is not None:
        for known in FORMATS:
            if named == known:
                return known
        raise ConfigurationError(f"there is no format {named!r}; there are: {', '.join(FORMATS)}")
    if output is None:
        return "csv"
    found = ENDINGS.get(output.suffix.lower())
    if found is None:
        raise ConfigurationError(
            f"the ending of {str(output)!r} does not say what to write: end it in .csv, .parquet, .lp or .json, "
            f"or say --format ({', '.join(FORMATS)})"
        )
    return found


@dataclass(frozen=True, slots=True)
class _Done:
    """What went into a file: rows, values, measurements, and warnings."""

    rows: int
    values: int
    measurements: tuple[str, ...]
    warnings: tuple[str, ...]


def _write(found: Reading, file: BinaryIO, kind: FileFormat, *, escape_formulas: bool) -> _Done:
    """Write all parts.

    Args:
        found: what is read.
        file: is written to.
        kind: the format.
        escape_formulas: as in :func:`export`.
    """
    out = writer(kind, file, found.columns, escape_formulas=escape_formulas)
    rows = values = empty_texts = not_utf8 = 0
    measurements: dict[str, None] = {}
    for part in found.parts:
        out.write(part)
        measurements[part.layout.measurement] = None
        rows += part.frame.height
        values += part.values
        not_utf8 += part.not_utf8
        empty_texts += sum(
            int((part.frame[field.column] == "").sum()) for field in part.layout.fields if field.type == "string"
        )
    out.end()
    warnings = _warnings(kind, empty_texts, not_utf8, has_escaped=getattr(out, "has_escaped", False))
    return _Done(rows, values, tuple(measurements), tuple(warnings))


def _warnings(kind: FileFormat, empty_texts: int, not_utf8: int, *, has_escaped: bool) -> Iterator[str]:
    if empty_texts and kind in ("csv", "parquet"):
        yield f"{empty_texts:,} values are empty texts: {EMPTY_TEXTS_STAY_OUT}"
    if not_utf8:
        yield f"{not_utf8:,} bytes of texts are no UTF-8: each was replaced by the sign U+FFFD"
    if has_escaped:
        yield "texts that look like formulas have an apostrophe before them: the file does not load back as it was"
