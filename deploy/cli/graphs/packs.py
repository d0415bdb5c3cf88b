"""The packs that the settings of whoever typed the command install."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deploy.cli.settings import read_settings

if TYPE_CHECKING:
    from comfy_graphs import GraphPack


def chosen_packs(names: Sequence[str] = ()) -> list["GraphPack"]:
    """The packs of these names; all without.

    Raises:
        UnknownGraph: there is none of a name.
        SettingsInvalid: the settings are wrong, or the packs in `WORKFLOWS_PATH` are.
    """
    from comfy_graphs import add_packs, installed_packs, load_pack

    add_packs(read_settings().workflows_path)
    return [load_pack(name) for name in names or installed_packs()]
