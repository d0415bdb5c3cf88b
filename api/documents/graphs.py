"""The graphs a client can choose from, with all it needs to draw a form."""

from collections.abc import Collection, Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from api.documents import examples
from comfy_graphs import GraphPack, Parameter

Value = bool | int | float | str


class Purpose(StrEnum):
    """What a graph is for: the request that takes it."""

    RESTORE = "restore"
    ANIMATE = "animate"
    GENERATE = "generate"


class ParameterDocument(BaseModel):
    """Something that can be set in a request."""

    name: str = Field(examples=["denoise"])
    type: str = Field(examples=["number"])
    description: str
    default: Value | None = Field(description="Null: drawn at random.")
    minimum: float | None
    maximum: float | None
    options: list[str] | None = Field(description="The values of a choice.")


class GraphDocument(BaseModel):
    """One graph."""

    name: str = Field(examples=["restore"])
    purpose: Purpose = Field(description="Which request takes it.")
    title: str
    description: str
    version: str
    is_default: bool = Field(description="Used by a request that names no graph.")
    modes: list[str] = Field(description="Its names in `POST /generate`; none if it is not there.")
    typical_seconds: float = Field(description="How long it usually takes, seconds.")
    parameters: list[ParameterDocument]


class GraphList(BaseModel):
    """The graphs that can be asked for, those of one purpose together."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.GRAPHS]})

    graphs: list[GraphDocument]


def graph_list(packs: Iterable[GraphPack], *, defaults: Collection[str]) -> GraphList:
    """The document of these packs.

    Args:
        packs: in the order of the list.
        defaults: names of those that are used when none is named.
    """
    return GraphList(graphs=[_graph(pack, is_default=pack.name in defaults) for pack in packs])


def _graph(pack: GraphPack, *, is_default: bool) -> GraphDocument:
    manifest = pack.manifest
    return GraphDocument(
        name=manifest.name,
        purpose=Purpose(manifest.purpose),
        title=manifest.title,
        description=manifest.description,
        version=manifest.version,
        is_default=is_default,
        modes=list(manifest.modes),
        typical_seconds=manifest.typical_seconds,
        parameters=[_parameter(parameter) for parameter in manifest.parameters],
    )


def _parameter(parameter: Parameter) -> ParameterDocument:
    return ParameterDocument(
        name=parameter.name,
        type=parameter.type,
        description=parameter.description,
        default=parameter.default,
        minimum=parameter.minimum,
        maximum=parameter.maximum,
        options=list(parameter.options) or None,
    )
