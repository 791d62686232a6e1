"""The Python API: :func:`load`, on which the command line stands."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from importer.annotated.mapper import AnnotatedMapper
from importer.errors import ConfigurationError
from importer.first_look import Mapper
from importer.inspecting.hints import Hints
from importer.inspecting.naming import bucket_after
from importer.ledger.report import Report
from importer.loading import Load
from importer.mapping.columns import ColumnMapper
from importer.mapping.parts import CsvOptions
from importer.mapping.processes import ProcessRowMapper, importable_name
from importer.mapping.rows import RowFunction, RowMapper, load_function
from importer.mapping.spec import Mapping
from importer.options import LoadOptions, default_state_dir
from importer.progress import Progress, Snapshot
from importer.server import local
from importer.server.connection import Connection
from importer.settings import find_connection
from importer.source.header import Head
from importer.source.open import Source, canonical_encoding, expand
from importer.source.reader import Reader
from importer.source.stoppable import stoppable

__all__ = ["connect", "load"]

log = logging.getLogger(__name__)


def load(
    source: str | Path | Sequence[str | Path],
    *,
    mapping: Mapping | str | Path | dict[str, Any] | None = None,
    mapper: RowFunction | str | None = None,
    bucket: str | None = None,
    options: LoadOptions | None = None,
    csv: CsvOptions | None = None,
    hints: Hints | None = None,
    connection: Connection | Callable[[], Connection] | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    stdin: BinaryIO | None = None,
    stdout: BinaryIO | None = None,
) -> Report:
    """Load CSV into a bucket, all of it or nothing.

    Args:
        source: paths, globs, URLs (http, https, s3), or ``-`` for standard input, of CSV, JSON Lines, Parquet or Arrow;
            read in this order, a glob's matches sorted.
        mapping: which column becomes what: a mapping, the path of a mapping file, or what is in one. Annotated CSV
            needs none; of other sources it is inferred from all of their rows.
        mapper: instead of a mapping, a function ``row -> Point | None | [Point, …]``, or ``package.module:function``.
        bucket: the bucket's name, where ``options`` are not given; a file that is loaded without a mapping lends it its
            own.
        options: how to load; the defaults otherwise.
        csv: how to read the text, with a mapper or without; a mapping says it itself.
        hints: parts of a mapping that is inferred otherwise.
        connection: which server, or what finds it once the sources and the mapping turned out to be usable; None
            finds it as the command line does, and starts a local one if none is named.
        progress: listens.
        stop: when set from another thread, the load ends cleanly.
        stdin: where ``-`` reads from.
        stdout: where a dry run writes to.

    Returns:
        what became of every row; ``status`` is ``verified``, or ``unverified`` or ``dry_run`` as asked.

    Raises:
        ConfigurationError: wrong options, mapping or settings, or a bucket that may not be replaced.
        SourceError: the input cannot be read.
        LoadError: the load failed; the bucket is as it was. ``report`` of the error tells the rest.
        ServerError: the server refuses, or did not answer in time.
    """
    names, stopping = [source] if isinstance(source, str | Path) else list(source), stop or threading.Event()
    is_inferred = mapping is None and mapper is None
    chosen = _options(bucket, options, names if is_inferred else [])
    given, reading = _mapper(mapping, mapper, csv, chosen)
    if hints is not None and not is_inferred:
        raise ConfigurationError("hints go with a mapping that is inferred: leave out the mapping, or the hints")
    with ExitStack() as stack:
        sources, text_in, span_seconds = expand(names), stdin or _standard_input(stopping), None
        if is_inferred:
            from importer.inspecting.inferring import inferred  # noqa: PLC0415 - most loads are told their mapping

            told = replace(hints or Hints(), csv={**reading.model_dump(exclude_unset=True), **(hints or Hints()).csv})
            found = stack.enter_context(
                inferred(
                    sources,
                    told,
                    stdin=text_in,
                    folder=chosen.state_dir or default_state_dir(),
                    limit=chosen.limit,
                    bounds=chosen.bounds,
                    stop=stopping,
                    progress=_told(progress),
                )
            )
            sources, text_in, span_seconds = found.sources, found.stdin, found.span_seconds
            if found.mapping is not None:
                given, reading = ColumnMapper(found.mapping, precision=chosen.precision), found.mapping.csv
            elif hints is not None:
                hints.check_none_of_columns()
        return _loaded(
            sources,
            given,
            reading,
            chosen,
            connection=connection,
            stdin=text_in,
            stopping=stopping,
            progress=progress,
            stdout=stdout,
            inferred_span_seconds=span_seconds,
        )


def _loaded(
    sources: Sequence[Source],
    given: ColumnMapper | RowMapper | None,
    reading: CsvOptions,
    chosen: LoadOptions,
    *,
    connection: Connection | Callable[[], Connection] | None,
    stdin: BinaryIO,
    stopping: threading.Event,
    progress: Progress | None,
    stdout: BinaryIO | None,
    inferred_span_seconds: float | None,
) -> Report:
    with Reader(
        sources,
        delimiter=reading.delimiter,
        encoding=canonical_encoding(reading.encoding),
        wanted=None,
        block_bytes=chosen.block_bytes,
        limit=chosen.limit,
        stdin=stdin,
        bounds=chosen.bounds,
        scratch=chosen.state_dir or default_state_dir(),
        stop=stopping,
        head=Head(reading.header, reading.skip_header, reading.skip_rows),
    ) as reader:
        to_points = _fitting(given, reader, reading, chosen)
        reader.want(to_points.wanted_columns)
        find = connection or connect
        where = None if chosen.dry_run else find if isinstance(find, Connection) else find()
        return Load(
            reader,
            to_points,
            chosen,
            where,
            progress=progress,
            stop=stopping,
            stdout=stdout,
            inferred_span_seconds=inferred_span_seconds,
        ).run()


def connect(
    *,
    url: str | None = None,
    org: str | None = None,
    token_file: Path | None = None,
    env_file: Path | None = None,
    ca_file: Path | None = None,
    skip_verify: bool = False,
    allow_http: bool = False,
) -> Connection:
    """The server that options, environment, env file or profile name; else the local one, started if need be.

    Args:
        url: address.
        org: organisation.
        token_file: a file that holds the token alone, and that nobody else can read.
        env_file: a file of ``NAME=value`` lines.
        ca_file: certificates of the authorities that may vouch for the server; None: the system's.
        skip_verify: do not check the server's certificate.
        allow_http: send the token over plain http to another machine.

    Raises:
        ConfigurationError: the place that names the server lacks its token or organisation; or none is named,
            and a local one can neither be found nor built.
        ServerError: the local server does not get ready.
    """
    named = find_connection(
        url=url,
        org=org,
        token_file=token_file,
        env_file=env_file,
        ca_file=ca_file,
        skip_verify=skip_verify,
        allow_http=allow_http,
    )
    return named or local.ensure_started(log.info)


def _standard_input(stop: threading.Event) -> BinaryIO:
    # A program that was started without standard input has None here.
    return io.BytesIO() if sys.stdin is None else stoppable(sys.stdin.buffer, stop)


def _told(progress: Progress | None) -> Callable[[str, int], None] | None:
    """What is read while a mapping is looked for, told as a phase of its own."""
    return None if progress is None else lambda _doing, rows: progress.update(Snapshot("first pass", rows=rows))


def _options(bucket: str | None, options: LoadOptions | None, names: Sequence[str | Path]) -> LoadOptions:
    if options is None:
        if bucket is None and names:
            bucket = bucket_after(names)
        if bucket is None:
            raise ConfigurationError("name the bucket to load into")
        return LoadOptions(bucket=bucket)
    if bucket not in (None, options.bucket):
        raise ConfigurationError(f"two buckets are named: {bucket!r} and {options.bucket!r}")
    return options


def _fitting(
    given: ColumnMapper | RowMapper | None, reader: Reader, reading: CsvOptions, options: LoadOptions
) -> Mapper:
    """What maps the sources: what was given, or what their annotations say."""
    if given is not None:
        if reader.is_annotated:
            reader.read_plain()
        return given
    if reader.is_annotated:
        return AnnotatedMapper(reading, precision=options.precision)
    raise ConfigurationError("say how to map the columns: give either a mapping or a mapper")


def _mapper(
    mapping: Mapping | str | Path | dict[str, Any] | None,
    mapper: RowFunction | str | None,
    csv: CsvOptions | None,
    options: LoadOptions,
) -> tuple[ColumnMapper | RowMapper | None, CsvOptions]:
    if mapping is not None and mapper is not None:
        raise ConfigurationError("say how to map the columns: give either a mapping or a mapper")
    if mapper is not None:
        function = load_function(mapper) if isinstance(mapper, str) else mapper
        if options.mapper_processes > 1:
            name = mapper if isinstance(mapper, str) else importable_name(mapper)
            many = ProcessRowMapper(function, name, processes=options.mapper_processes, precision=options.precision)
            return many, csv or CsvOptions()
        return RowMapper(function, precision=options.precision), csv or CsvOptions()
    if options.mapper_processes > 1:
        raise ConfigurationError("mapper_processes goes with a mapper: a mapping is fast in one process")
    if mapping is None:
        return None, csv or CsvOptions()
    if csv is not None:
        raise ConfigurationError("with a mapping, its own csv part says how to read the text")
    if isinstance(mapping, dict):
        mapping = Mapping.from_dict(mapping)
    elif not isinstance(mapping, Mapping):
        mapping = Mapping.from_toml(mapping)
    return ColumnMapper(mapping, precision=options.precision), mapping.csv
