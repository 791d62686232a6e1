"""The mapping file: which column becomes what. Validated here, compiled in the neighbouring modules.

Goes in: a TOML file, a dictionary or the command line's options. Comes out: a :class:`Mapping`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from importer.errors import MappingError
from importer.limits import RESERVED_KEYS, key_trouble, measurement_trouble
from importer.mapping.messages import explain
from importer.mapping.parts import CsvOptions, FieldSpec, Strict, TimeSpec, ValueSpec

__all__ = ["Mapping"]


def _measurement(raw: Any) -> Any:
    return {"value": raw} if isinstance(raw, str) else raw


class Mapping(Strict):
    """Which column becomes the measurement, the time, which tags, which fields.

    Attributes:
        measurement: a constant, or from columns.
        time: the timestamp.
        tags: by key.
        fields: by key; at least one.
        filter: an SQL condition over the columns, as text; rows that do not meet it are skipped.
        csv: how the text is to be read.
    """

    measurement: Annotated[ValueSpec, BeforeValidator(_measurement)]
    time: TimeSpec
    tags: dict[str, ValueSpec] = Field(default_factory=dict)
    fields: dict[str, FieldSpec] = Field(min_length=1)
    filter: str | None = None
    csv: CsvOptions = CsvOptions()

    @model_validator(mode="after")
    def _usable_keys(self) -> Self:
        for key in self.tags:
            _check_key("tag", key)
        for key in self.fields:
            _check_key("field", key)
        if self.measurement.value is not None:
            _check_measurement(str(self.measurement.value))
        both = sorted(set(self.tags) & set(self.fields))
        if both:
            raise ValueError(f"{both[0]!r} is both a tag and a field: rename one of them")
        return self

    @classmethod
    def from_dict(cls, raw: MappingOf[str, Any], *, origin: str = "mapping") -> Self:
        """Validate a dictionary of the mapping file's shape.

        Args:
            raw: as parsed from TOML.
            origin: named in messages.

        Raises:
            MappingError: naming each key that is wrong, and what it may be.
        """
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise MappingError(explain(error, origin, _keys_at)) from error

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Read a mapping file.

        Raises:
            MappingError: it is missing, not TOML, or breaks a rule.
        """
        try:
            raw = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise MappingError(f"no such mapping file: {str(path)!r}") from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise MappingError(f"cannot read the mapping file {str(path)!r}: {error}") from error
        return cls.from_dict(raw, origin=str(path))

    def reading(self, csv_options: MappingOf[str, Any]) -> Self:
        """The same mapping with other CSV options.

        Raises:
            MappingError: one of them is wrong.
        """
        merged = self.csv.model_dump(exclude_unset=True) | dict(csv_options)
        return self.model_copy(update={"csv": CsvOptions.from_dict(merged)})

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it names, each once, in the order of the mapping; the filter's not included."""
        specs: list[ValueSpec] = [
            self.measurement,
            self.time.source,
            *self.tags.values(),
            *self.fields.values(),
        ]
        return tuple(dict.fromkeys(column for spec in specs for column in spec.columns))


def _check_key(kind: Literal["tag", "field"], key: str) -> None:
    trouble = key_trouble(kind, key)
    if trouble is None:
        return
    if key in RESERVED_KEYS:
        other = f"{key.strip('_')}_value"
        trouble += f": choose another key, such as {other!r}, with column = {key!r}, or --{kind} {other}={key}"
    raise ValueError(f"{kind}s.{key}: {trouble}" if key else f"{kind}s: {trouble}")


def _check_measurement(name: str) -> None:
    trouble = measurement_trouble(name)
    if trouble is not None:
        raise ValueError(f"measurement: {trouble}")


def _keys_at(location: Sequence[int | str]) -> list[str]:
    models: dict[str, type[BaseModel]] = {"time": TimeSpec, "tags": ValueSpec, "fields": FieldSpec, "csv": CsvOptions}
    model = models.get(str(location[0]), Mapping) if len(location) > 1 else Mapping
    return list(model.model_fields)
