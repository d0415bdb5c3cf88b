"""The graph packs that settings name: installed, fit for their use, runnable on a server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from comfy_graphs import GraphPack, add_packs, installed_packs, load_pack
from comfy_graphs.manifest import MediaKind
from deploy.doctor.finding import Finding, good, missing, warning
from rekindle.errors import SettingsInvalid
from rekindle.settings import Settings

_SUBJECT = "graphs"


@dataclass(frozen=True)
class Use:
    """What the pack that a setting names is used for.

    Attributes:
        takes: what it is given.
        is_sold: whether it is needed only where something can be bought.
    """

    setting: str
    purpose: str
    takes: MediaKind = MediaKind.IMAGE
    is_sold: bool = False

    def pack(self, settings: Settings) -> str:
        """The name that is set."""
        return str(getattr(settings, self.setting.lower()))

    def fits(self, pack: GraphPack) -> bool:
        """Whether a pack can be used so."""
        manifest = pack.manifest
        made_for = (manifest.purpose, manifest.takes) == (self.purpose, self.takes)
        return made_for and manifest.is_licensed


USES = (
    Use("DEFAULT_GRAPH", "restore"),
    Use("DEFAULT_ANIMATION_GRAPH", "animate"),
    Use("HD_IMAGE_GRAPH", "upscale", is_sold=True),
    Use("HD_VIDEO_GRAPH", "upscale", MediaKind.VIDEO, is_sold=True),
)


async def as_set(settings: Settings) -> Sequence[Finding]:
    """Whether every setting names an installed pack that does what it is for."""
    try:
        add_packs(settings.workflows_path)
    except SettingsInvalid as error:
        return [missing(_SUBJECT, str(error), "Correct WORKFLOWS_PATH.")]
    unfit = [_unfit(use, use.pack(settings)) for use in USES]
    found = [finding for finding in unfit if finding]
    named = ", ".join(f"{use.setting} {use.pack(settings)}" for use in USES)
    return found or [good(_SUBJECT, named)]


def on_server(settings: Settings, lacks: Mapping[str, int]) -> Finding:
    """Whether a server can run the packs that settings name.

    Args:
        lacks: how many things the server lacks for each installed pack, by name.
    """
    usable = [name for name, number in lacks.items() if not number]
    others = [f"{name} (lacks {number} things)" for name, number in lacks.items() if number]
    text = f"it can run {', '.join(usable) or 'none'}"
    text += f"; not {', '.join(others)}" if others else ""
    short = [use for use in USES if lacks.get(use.pack(settings))]
    if not short:
        return good(_SUBJECT, text)
    named = ", ".join(f"{use.setting} is {use.pack(settings)}" for use in short)
    names = ", ".join(use.setting for use in short)
    mend = f"`rekindle graphs check` says what lacks; or set {names} to another."
    harmless = settings.stripe_secret_key is None and all(use.is_sold for use in short)
    return (warning if harmless else missing)(_SUBJECT, f"{text}; {named}", mend)


def _unfit(use: Use, name: str) -> Finding | None:
    packs = {each: load_pack(each) for each in installed_packs()}
    fit = [each for each, pack in packs.items() if use.fits(pack)]
    mend = f"Correct {use.setting}; there are {', '.join(fit)}."
    if name not in packs:
        return missing(_SUBJECT, f"there is no {use.setting} {name}", mend)
    if name not in fit:
        text = f"{use.setting} is {name}, which is not for that"
        return missing(_SUBJECT, text, mend)
    return None
