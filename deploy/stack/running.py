"""A running stack: alone in its folder, and stopped in the end."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from deploy.embedded.data_lock import DataLock
from deploy.stack.note import RunningStack, find_running, note_running
from deploy.stack.ports import choose_ports, noted_ports
from deploy.stack.services import OPERATOR_CLIENT
from deploy.stack.stack import Stack
from rekindle.settings import Settings


@contextlib.contextmanager
def running_stack(
    data: Path,
    *,
    settings: Settings | None = None,
    preferred_ports: Mapping[str, int] | None = None,
    demanded_ports: Mapping[str, int] | None = None,
    rents_pods: bool = False,
    comfyui_arguments: Sequence[str] = (),
    runpod_arguments: Sequence[str] = (),
    stripe_arguments: Sequence[str] = (),
    temporal_config: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """Run everything in one folder until the block ends; nothing outlives this process.

    Args:
        data: the folder, made if missing. Photos, secrets and ports are kept in it.
        settings: what the stack does not decide itself is taken from here, above all
            COMFYUI_URL and COMFYUI_TOKEN, limits and the log level. Defaults by default; the
            environment is not read.
        preferred_ports: by name, where the folder has none noted; free ones by default.
        demanded_ports: by name; these and no others.
        rents_pods: rent pods from a RunPod simulator instead of using one small ComfyUI; a
            COMFYUI_URL in the settings goes before either.
        comfyui_arguments: further arguments of the small ComfyUI.
        runpod_arguments: further arguments of the RunPod simulator.
        stripe_arguments: the same of the Stripe simulator, which is not run where the settings
            have a STRIPE_SECRET_KEY.
        temporal_config: further dynamic configuration of Temporal.

    Raises:
        DataInUse: another process runs a stack in this folder.
        PortTaken: another program uses a demanded port.
        LocalServiceError: a part did not come up; the others are stopped again.
    """
    data = data.absolute()
    for folder in (data, data / "logs"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = DataLock(data)
    lock.acquire()
    try:
        stack = Stack(
            data,
            choose_ports(data, preferred_ports or {}, demanded_ports or {}),
            settings=settings or Settings.model_construct(),
            rents_pods=rents_pods,
            comfyui_arguments=comfyui_arguments,
            runpod_arguments=runpod_arguments,
            stripe_arguments=stripe_arguments,
            temporal_config=temporal_config,
        )
        try:
            stack.start()
            with note_running(data, _describe(stack)):
                yield stack
        finally:
            stack.stop()
    finally:
        lock.release()


def settings_of_running(data: Path, given: Settings) -> Settings:
    """The settings that the stack in a folder runs with, secrets included.

    Args:
        data: folder of a running stack (`deploy.stack.note.find_running`).
        given: what it was started with; the environment's, if it was started in this one.

    Raises:
        RuntimeError: no stack ever ran there.
    """
    data = data.absolute()
    try:
        running = find_running(data)
        rents = running is not None and running.rents_pods
        return Stack(data, noted_ports(data), settings=given, rents_pods=rents).settings
    except KeyError as error:
        raise RuntimeError(f"there is no note of a stack's ports in {data}") from error


def _describe(stack: Stack) -> RunningStack:
    addresses = stack.addresses
    return RunningStack(
        pid=os.getpid(),
        api=addresses.api,
        issuer=addresses.issuer,
        audience=addresses.audience,
        client_id=stack.issuer.client_id,
        secret_file=str(stack.issuer.secret_file),
        operator_client_id=OPERATOR_CLIENT,
        operator_secret_file=str(stack.issuer.operator_secret_file),
        rents_pods=stack.runpod is not None,
    )
