"""How two schemas differ, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from tensorflow_metadata.proto.v0 import schema_pb2

_SCHEMA = "(schema)"


@dataclass(frozen=True)
class Difference:
    """One field that differs, or a feature that only one schema has.

    Attributes:
      feature: The feature's name; `(schema)` for what belongs to none.
      field: Path of the field, dotted; empty for a whole feature.
      old: Its value in the old schema, of a list what the new one lacks; `None` if it is not set.
      new: The same of the new schema.
    """

    feature: str
    field: str
    old: str | None
    new: str | None


def schema_differences(old: schema_pb2.Schema, new: schema_pb2.Schema) -> list[Difference]:
    """Everything that differs; the order of features and of lists does not count.

    Args:
      old: A schema. A domain that stands apart and is named by a feature counts as the feature's own.
      new: Another one.
    """
    ours, theirs = _features(old), _features(new)
    found = _field_differences(_SCHEMA, _rest(old), _rest(new))
    for name in dict.fromkeys([*ours, *theirs]):
        if name not in ours:
            found.append(Difference(name, "", None, "added"))
        elif name not in theirs:
            found.append(Difference(name, "", "missing", None))
        else:
            found += _field_differences(name, ours[name], theirs[name])
    return found


def _field_differences(feature: str, old: Message, new: Message) -> list[Difference]:
    """What differs between two messages of a kind."""
    before, after = dict(_flat(old)), dict(_flat(new))
    found = []
    for field in dict.fromkeys([*before, *after]):
        ours, theirs = before.get(field), after.get(field)
        if ours == theirs:
            continue
        if isinstance(ours, frozenset) and isinstance(theirs, frozenset):
            ours, theirs = ours - theirs, theirs - ours
        found.append(Difference(feature, field, _text(ours), _text(theirs)))
    return found


def _features(schema: schema_pb2.Schema) -> dict[str, schema_pb2.Feature]:
    """Features by name, each with the domain that it names."""
    domains = {domain.name: domain for domain in schema.string_domain}
    features = {}
    for original in schema.feature:
        feature = schema_pb2.Feature()
        feature.CopyFrom(original)
        if feature.domain in domains:  # of a oneof: the field goes when the other is set
            feature.string_domain.value.extend(domains[feature.domain].value)
        feature.ClearField("name")
        features[original.name] = feature
    return features


def _rest(schema: schema_pb2.Schema) -> schema_pb2.Schema:
    """What is not of one feature."""
    rest = schema_pb2.Schema()
    rest.CopyFrom(schema)
    rest.ClearField("feature")
    rest.ClearField("string_domain")
    return rest


def _flat(message: Message, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted paths of the fields that are set, and their values; a list as a set of texts."""
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        is_message = field.type == FieldDescriptor.TYPE_MESSAGE
        if field.label == FieldDescriptor.LABEL_REPEATED:
            yield path, frozenset(str(item).strip().replace("\n", " ") for item in value)
        elif is_message and value.ListFields():
            yield from _flat(value, f"{path}.")
        elif is_message:
            yield path, "{}"
        elif field.type == FieldDescriptor.TYPE_ENUM:
            yield path, field.enum_type.values_by_number[value].name
        elif isinstance(value, float):
            yield path, f"{value:g}"
        else:
            yield path, str(value)


def _text(value: Any) -> str | None:
    """A value for people."""
    return ", ".join(sorted(value)) if isinstance(value, frozenset) else value
