"""What requests that run a graph have in common: its name, and parameters that it alone knows."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


class GraphRequest(BaseModel):
    """How to run a graph. A field that is not listed is a parameter of the graph, or an error."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)
    __pydantic_extra__: dict[str, bool | int | float | str]

    our_fields: ClassVar[frozenset[str]] = frozenset({"graph"})
    """Fields that are read here; all others are the graph's."""

    graph: str | None = Field(None, max_length=100, description="Name of the graph.")
    seed: int | None = Field(None, description="Random when it is left out.")

    @property
    def parameters(self) -> dict[str, Any]:
        """What was set, by the name of the graph's parameter."""
        return self.model_dump(exclude_none=True, exclude=set(self.our_fields))
