"""Machines: the whole answer under stable names, with a schema that says which version of the names it speaks.

A field may be added within one version; one that is renamed, removed or given another meaning makes the next version.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, TypeAdapter

from flowdiag.model import Answer, Value
from flowdiag.report import Report

VERSION = "flowdiag/diagnosis/1"
_ANSWER = TypeAdapter(Answer)


class Document(Value):
    """What the surface gives: the version of its names, and the answer."""

    version: Literal["flowdiag/diagnosis/1"] = Field(alias="schema", description="version of the names in this document")
    diagnosis: Answer


def render(report: Report) -> dict[str, Any]:
    """The answer as plain JSON values: addresses as strings, times in ISO 8601, absent values as null.

    `Answer.model_validate(document["diagnosis"])` gives the answer back.
    """
    return {"schema": VERSION, "diagnosis": _ANSWER.dump_python(report.answer, mode="json")}


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `render` gives, made from the models."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Document.model_json_schema(mode="serialization")}
