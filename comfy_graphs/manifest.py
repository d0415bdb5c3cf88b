"""What a pack says about its graph: parameters and where they go, models and their licences."""

from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from comfy_graphs.sequence import FrameSequence
from comfy_graphs.styles import STYLES, StylePart
from rekindle.contracts.statuses import GpuClass

Value = bool | int | float | str


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(_Frozen):
    """An input of a node of the graph."""

    node: str
    input: str


class Binding(Target):
    """Where a parameter's value goes, and how it is changed on the way.

    Attributes:
        curve: the value is read off this line of points (value, what the node gets), straight
            between two points and level beyond the ends.
        choices: the value itself selects one of these (`true` and `false` for a boolean).
        whole: what the node gets off the curve is rounded to a whole number.
        style: the value names a style; the node gets that part of its words.
    """

    curve: tuple[tuple[float, float], ...] = ()
    choices: dict[str, Value] = {}
    whole: bool = False
    style: StylePart | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.curve) + bool(self.choices) + bool(self.style) > 1:
            raise ValueError("a binding follows a curve, chooses, or takes the words of a style")
        if len(self.curve) == 1 or any(a[0] >= b[0] for a, b in pairwise(self.curve)):
            raise ValueError("a curve has at least two points, from left to right")
        return self


class ParameterType(StrEnum):
    """What values a parameter takes."""

    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    TEXT = "text"


class Parameter(_Frozen):
    """Something a caller may set.

    Attributes:
        default: None means drawn at random by the caller (a seed).
        minimum, maximum: inclusive bounds of a number; both, or the parameter is none.
        max_length: of a text, characters.
        options: the values of a choice.
        bindings: one value may go to several nodes.
        recorded_only: it is taken and recorded, but has no effect on this graph.
    """

    name: str
    type: ParameterType
    description: str
    default: Value | None = None
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = Field(default=None, gt=0)
    options: tuple[str, ...] = ()
    bindings: tuple[Binding, ...] = ()
    recorded_only: bool = False

    @property
    def is_numeric(self) -> bool:
        """Whether it has bounds."""
        return self.type in (ParameterType.NUMBER, ParameterType.INTEGER)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.recorded_only and self.bindings:
            raise ValueError(f"{self.name} either has bindings or is recorded only")
        if self.is_numeric != (self.minimum is not None and self.maximum is not None):
            raise ValueError(f"{self.name}: numbers, and only numbers, have bounds")
        if (self.type is ParameterType.CHOICE) != bool(self.options):
            raise ValueError(f"{self.name}: a choice, and only a choice, has options")
        if (self.type is ParameterType.TEXT) != (self.max_length is not None):
            raise ValueError(f"{self.name}: a text, and only a text, has a longest length")
        if self.default is None and self.type is not ParameterType.INTEGER:
            raise ValueError(f"{self.name}: only a whole number can be drawn at random")
        for binding in self.bindings:
            self._check(binding)
        return self

    def _check(self, binding: Binding) -> None:
        if binding.curve and not self.is_numeric:
            raise ValueError(f"{self.name}: only a number follows a curve")
        if binding.style and not set(self.options) <= STYLES.keys():
            raise ValueError(f"{self.name}: it has options that are no styles")
        words = {"true", "false"} if self.type is ParameterType.BOOLEAN else set(self.options)
        if binding.choices and set(binding.choices) != words:
            raise ValueError(f"{self.name}: its bindings choose for every value, and no other")


class Verdict(StrEnum):
    """Whether a licence lets a paid service run the model."""

    ALLOWED = "allowed"
    CONDITIONAL = "conditional"
    NO = "no"


class ModelFile(_Frozen):
    """A weight file the graph loads.

    Attributes:
        folder: below the server's `models` folder.
        sha256: read from the file itself, or None while nobody has.
        verified: whether the hash was read from the file by us.
        size_bytes: None when unknown.
    """

    folder: str
    file: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    verified: bool
    licence: str
    verdict: Verdict
    source: str
    size_bytes: int | None = None

    @model_validator(mode="after")
    def _honest(self) -> Self:
        if self.verified and self.sha256 is None:
            raise ValueError("a verified model has a hash")
        return self


class MediaKind(StrEnum):
    """What a file shows."""

    IMAGE = "image"
    VIDEO = "video"


class Output(_Frozen):
    """The node whose file is the result."""

    node: str
    kind: MediaKind

    @property
    def content_type(self) -> str:
        """The media type of what the saving nodes of ComfyUI's core write."""
        return "image/png" if self.kind is MediaKind.IMAGE else "video/mp4"


OriginType = Literal[
    "algorithmicallyEnhanced", "compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicMedia"
]
"""IPTC's word for how a result came about (https://cv.iptc.org/newscodes/digitalsourcetype/)."""


class Blank(_Frozen):
    """How a graph is run without a photo.

    Attributes:
        node: what it begins with instead.
        into: the input that takes it.
        fixed: values that parameters have then, and no others.
        digital_source_type: of such a result.
    """

    node: str
    into: Target
    fixed: dict[str, Value] = {}
    digital_source_type: OriginType


class Manifest(_Frozen):
    """A pack's description.

    Attributes:
        purpose: which command offers it.
        modes: names under which `POST /generate` offers it; none for a pack that is not public.
            They are for packs that give pictures.
        takes: what the uploaded file is.
        photo: where the uploaded file's name goes.
        blank: how it runs without one; None for a pack that needs a photo.
        filename_prefix: where the attempt's own prefix goes.
        sequence: nodes that are copied for every frame of a clip; None where the graph is as it is.
        vram_gb: memory of the GPU it needs, GB; 0 runs on any CPU.
        typical_seconds: how long it usually takes on the GPU it was made for.
        load_seconds: how long loading its models may take.
        stall_seconds: without progress for longer, a running graph counts as stalled.
        digital_source_type: of what it makes of a photo.
    """

    name: str
    title: str
    description: str
    version: str
    purpose: Literal["restore", "animate", "upscale", "generate"]
    modes: tuple[str, ...] = ()
    gpu_class: GpuClass
    takes: MediaKind = MediaKind.IMAGE
    photo: Target
    blank: Blank | None = None
    filename_prefix: Target
    output: Output
    parameters: tuple[Parameter, ...]
    sequence: FrameSequence | None = None
    models: tuple[ModelFile, ...] = ()
    vram_gb: float = Field(ge=0)
    typical_seconds: float = Field(gt=0)
    load_seconds: float = Field(ge=0)
    stall_seconds: float = Field(gt=0)
    digital_source_type: OriginType

    @model_validator(mode="after")
    def _every_parameter_matters(self) -> Self:
        used = self.sequence.parameters if self.sequence else ()
        for parameter in self.parameters:
            matters = bool(parameter.bindings) or parameter.name in used
            if matters == parameter.recorded_only:
                raise ValueError(f"{parameter.name} either has bindings or is recorded only")
        if self.sequence:
            self._check(self.sequence)
        if self.blank and not all(self.parameter(name) for name in self.blank.fixed):
            raise ValueError("without a photo a parameter is fixed that it does not have")
        if self.modes and self.output.kind is not MediaKind.IMAGE:
            raise ValueError("a mode gives a picture")
        return self

    def _check(self, sequence: FrameSequence) -> None:
        found = [self.parameter(name) for name in sequence.parameters]
        types = [each.type if each else None for each in found]
        if types != [ParameterType.CHOICE, ParameterType.INTEGER, ParameterType.INTEGER]:
            raise ValueError("a sequence needs a choice of motions, whole seconds and whole fps")
        motion = found[0]
        if motion is None or set(motion.options) != set(sequence.paths):
            raise ValueError("a sequence has a path for every motion, and no other")

    @property
    def is_licensed(self) -> bool:
        """Whether every model may be used by a paid service."""
        return all(model.verdict is Verdict.ALLOWED for model in self.models)

    def origin(self, *, has_photo: bool) -> OriginType:
        """How a result came about, made of a photo or without one."""
        if has_photo or self.blank is None:
            return self.digital_source_type
        return self.blank.digital_source_type

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name, or None."""
        return next((p for p in self.parameters if p.name == name), None)
