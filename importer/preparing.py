"""Before the first write: the files and the bucket to write to, its shard groups, and the types that it has already.

Goes in: the options and a look ahead. Comes out: the :class:`~importer.bucket.Target`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from importer.bucket import Target, fitting_duration, format_duration, prepare
from importer.bucket.catalogue import find
from importer.bucket.schema import field_types
from importer.errors import ConfigurationError
from importer.first_look import FirstLook, Mapper
from importer.journal import check_state_dir
from importer.ledger.closing import Closing
from importer.ledger.rejects import check_rejects_path
from importer.ledger.report_file import check_report_path
from importer.options import LoadOptions, default_state_dir
from importer.progress import Progress, Snapshot
from importer.records import FieldType
from importer.server.connection import Server
from importer.source.open import Source

__all__ = ["check_files", "pin_types", "prepare_target"]

log = logging.getLogger(__name__)


def prepare_target(
    server: Server,
    options: LoadOptions,
    load_id: str,
    *,
    look: FirstLook,
    mapper: Mapper,
    closing: Closing,
    progress: Progress,
    inferred_span_seconds: float | None = None,
    dead: Collection[str] = (),
) -> Target:
    """Make the bucket ready that the load writes to.

    Args:
        server: the connection.
        options: how to load.
        load_id: of the load.
        look: finds the time span of the data, if the shard groups are to be fitted to it.
        mapper: is told the types of a bucket that is appended to.
        closing: is told of the shard groups, and how long the look took.
        progress: listens.
        inferred_span_seconds: of all points, where the mapping was inferred from all rows.
        dead: loads that are known to be dead.

    Raises:
        ConfigurationError: the bucket may not be replaced, or has types that the mapping does not want.
        ServerError: the server refused or did not answer.
    """
    fitting, fitted_by, live = None, None, server.patiently(lambda: find(server, options.bucket))
    if live is not None and options.if_exists == "append":
        pin_types(server, live.id, mapper)  # a conflict is found before anything of the bucket is touched
    refits = live is None or (live.has_fitted_groups and options.if_exists not in {"append", "fail"})
    if refits and options.shard_duration_seconds is None:
        span, fitted_by = options.time_span_seconds, "known beforehand"
        if span is None:
            span, fitted_by = inferred_span_seconds, "of all rows, when the mapping was inferred"
        if span is None:
            progress.update(Snapshot("first pass"))
            with closing.phase("look"):
                span = look.span_seconds()
            fitted_by = look.how
        if span is not None:
            kept = live.settings.retention_seconds if live else None
            fitting = fitting_duration(span, kept if options.retention_seconds is None else options.retention_seconds)
            if live is not None and look.is_guess:  # the old one may have been fitted to all of the data
                fitting = max(fitting, live.settings.shard_duration_seconds or 0)
    target = prepare(
        server,
        options.bucket,
        load_id,
        if_exists=options.if_exists,
        retention_seconds=options.retention_seconds,
        shard_duration_seconds=options.shard_duration_seconds,
        fitting_shard_duration_seconds=fitting,
        keep_old=options.keep_old,
        dead=dead,
        say=log.info,
    )
    how = _how(target, options, fitted_by if fitting else None)
    closing.shard_group = target.shard_duration_seconds, how
    log.info("shard groups of %s (%s)", format_duration(target.shard_duration_seconds), how)
    if target.replaces and not target.appends:
        log.info("the old bucket %r stays until the new one is verified: both need disk space", options.bucket)
    return target


def check_files(options: LoadOptions, sources: Sequence[Source]) -> None:
    """Refuse to write over what is read; a rejects file of an earlier run may well be a source.

    Raises:
        ConfigurationError: the rejects file or the report is a source, or can never be written.
    """
    written = {"rejects file": options.rejects_path}
    if options.report is not None:
        if options.report.resolve() == options.rejects_path.resolve():
            raise ConfigurationError(f"rejects and report cannot both go to {str(options.report)!r}")
        written["report"] = options.report
    for what, path in written.items():
        if any(source.path is not None and source.path.resolve() == path.resolve() for source in sources):
            raise ConfigurationError(f"the {what} {str(path)!r} would overwrite a source: name another file")
    check_rejects_path(options.rejects_path)
    if not options.dry_run:
        check_state_dir(options.state_dir or default_state_dir())
    if options.report is not None:
        check_report_path(options.report)


def pin_types(server: Server, bucket_id: str, mapper: Mapper) -> bool:
    """Fix the types that a bucket has already; False if it is empty.

    Raises:
        ConfigurationError: the mapping wants another type, or the bucket has several of one field.
    """
    known: dict[tuple[str, str], FieldType] = {}
    for name, kinds in field_types(server, bucket_id).items():
        if len(kinds) > 1:
            raise ConfigurationError(
                f"{'.'.join(name)} has several types in this bucket: {', '.join(sorted(kinds))}; "
                "load it anew with --if-exists replace"
            )
        known[name] = next(iter(kinds))
    mapper.pin(known)
    return bool(known)


def _how(target: Target, options: LoadOptions, fitted_by: str | None) -> str:
    if options.shard_duration_seconds and not target.appends:
        return "as asked for"
    if fitted_by:
        return f"fitted to the time span: {fitted_by}"
    if target.appends or target.replaces:
        return "as the bucket has them"
    return "the server's own choice: no time to go by"
