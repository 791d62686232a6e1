"""The mapping that follows from what was decided.

Goes in: the time and what each column becomes. Comes out: a dictionary of the mapping file's shape, and the keys.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from typing import Any, Literal

from importer.inspecting.choosing_roles import Roles
from importer.inspecting.dialect import Sniffed
from importer.inspecting.hints import Hints
from importer.inspecting.naming import key_after
from importer.mapping.spec import Mapping

__all__ = ["decimal_of", "keys_of", "proposed"]


def decimal_of(roles: Roles, hints: Hints) -> Literal[".", ","]:
    """The decimal mark of the file: a comma where a column has it, and no other one a point."""
    given = hints.csv.get("decimal")
    if given in (".", ","):
        return "," if given == "," else "."
    floats = [role.facts for role in roles.roles.values() if role.type == "float" and role.facts.filled]
    return "," if any(facts.has_decimal_comma for facts in floats) else "."


def keys_of(roles: Roles, hints: Hints) -> dict[str, str]:
    """The key of each tag and field, by its column."""
    given = {spec["column"]: key for key, spec in (*hints.tags.items(), *hints.fields.items()) if "column" in spec}
    taken = {*hints.tags, *hints.fields}
    keys = {}
    for name, role in roles.roles.items():
        if role.role in ("tag", "field"):
            keys[name] = given.get(name) or key_after(name, role.facts.position, taken, tag=role.role == "tag")
    return keys


def proposed(
    roles: Roles, time: MappingOf[str, Any], *, measurement: str, sniffed: Sniffed, hints: Hints
) -> tuple[Mapping, dict[str, str]]:
    """The mapping, and the keys by column.

    Raises:
        MappingError: what the user says does not fit.
    """
    keys, decimal = keys_of(roles, hints), decimal_of(roles, hints)
    csv: dict[str, Any] = {"delimiter": sniffed.delimiter} if sniffed.delimiter != "," else {}
    csv |= {"encoding": sniffed.encoding} if sniffed.encoding != "utf-8" else {}
    csv |= {"null": list(roles.null)} if roles.null else {}
    csv |= {"decimal": decimal} if decimal == "," else {}
    csv |= {name: hints.csv[name] for name in ("header", "skip_header", "skip_rows") if hints.csv.get(name)}
    fields: dict[str, Any] = {}
    for role in roles.of("field"):
        name = role.facts.name
        spec: dict[str, Any] = {"column": name, "type": role.type}
        if role.type == "float" and decimal == "," and "comma float" not in role.facts.open:
            spec["decimal"] = "."
        fields[keys[name]] = spec
    raw: dict[str, Any] = {
        "measurement": measurement,
        "time": dict(time),
        "tags": {keys[role.facts.name]: {"column": role.facts.name} for role in roles.of("tag")},
        "fields": fields,
        "csv": csv,
    }
    if hints.row_filter is not None:
        raw["filter"] = hints.row_filter
    return Mapping.from_dict(raw, origin="proposed mapping"), keys
