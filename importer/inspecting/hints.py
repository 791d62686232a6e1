"""What a person knows better than what is found out: given by options, it takes the place of what would be inferred."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from importer.errors import ConfigurationError, MappingError
from importer.mapping.flags import field_specs, tag_specs
from importer.mapping.time_formats import check_format, check_timezone
from importer.source.header import Head

__all__ = ["Hints"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """Parts of a mapping; what is not given is inferred.

    Attributes:
        measurement: its name.
        time: the column with the time, or several that are joined by a space.
        time_format: of it.
        timezone: IANA name, for times without an offset.
        ambiguous: what to do with a local time that occurs twice or never.
        tags: by key, as the mapping file has them; these are the tags, instead of those found.
        fields: by key; these are the fields, instead of all other columns.
        row_filter: an SQL condition.
        csv: how the text is to be read, as far as it is given.
    """

    measurement: str | None = None
    time: tuple[str, ...] = ()
    time_format: str | None = None
    timezone: str | None = None
    ambiguous: str | None = None
    tags: MappingOf[str, MappingOf[str, Any]] = field(default_factory=dict)
    fields: MappingOf[str, MappingOf[str, Any]] = field(default_factory=dict)
    row_filter: str | None = None
    csv: MappingOf[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        *,
        measurement: str | None = None,
        time: str | Sequence[str] | None = None,
        tags: Sequence[str] = (),
        fields: Sequence[str] = (),
        csv: MappingOf[str, Any] | None = None,
        **rest: Any,
    ) -> Self:
        """From texts as the command line takes them: ``COL``, ``KEY=COL``, ``COL:TYPE``.

        Raises:
            MappingError: a text is wrong, or names a key twice; there is no such format or time zone.
        """
        try:
            for text, check in ((rest.get("time_format"), check_format), (rest.get("timezone"), check_timezone)):
                if text is not None:
                    check(text)
        except ValueError as error:
            raise MappingError(f"time: {error}") from None
        columns = (time,) if isinstance(time, str) else tuple(time or ())
        given = {key: value for key, value in (csv or {}).items() if value is not None}
        return cls(
            measurement=measurement,
            time=columns,
            tags=tag_specs(tags),
            fields=field_specs(fields),
            csv=given,
            **rest,
        )

    @property
    def null(self) -> tuple[str, ...]:
        """Texts that mean an empty cell."""
        return tuple(self.csv.get("null") or ())

    @property
    def head(self) -> Head:
        """What is to be done with the lines before the rows."""
        csv = self.csv
        return Head(tuple(csv.get("header") or ()), csv.get("skip_header") or 0, csv.get("skip_rows") or 0)

    def check_none_of_columns(self) -> None:
        """For annotated CSV, which leaves nothing to say of its columns.

        Raises:
            ConfigurationError: something is said of them.
        """
        if replace(self, csv={}) != type(self)():
            raise ConfigurationError(
                "annotations say themselves what the columns are: leave out --measurement, --time, --tag, --field, "
                "--timezone and the like, or say it by --header '#constant measurement,NAME' and such lines"
            )
