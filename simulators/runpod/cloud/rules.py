"""Rules of a create or update call that its schema does not hold; breaking one is a 400."""

from __future__ import annotations

import re
from typing import Any

from simulators.runpod.cloud.catalog import Catalog
from simulators.runpod.cloud.pod import Spec
from simulators.runpod.cloud.volumes import Volumes
from simulators.runpod.problem import Problem

DEFAULT_DISK = 20  # GB
MOST_HTTP_PORTS = 10
MOST_VARIABLES = 50
_PORT = re.compile(r"^(\d{1,5})/(http|tcp)$")


def spec_of(body: dict[str, Any]) -> Spec:
    """A create call's body with the defaults filled in."""
    spec: Spec = {
        "args": "",
        "disk": DEFAULT_DISK,
        "ports": [],
        "env": {},
        "registry": None,
        "mounts": {},
        "cloud": "SECURE",
        "dataCenterIds": [],
        "globalNetworking": False,
        "locked": False,
        **body,
    }
    if "gpu" in body:
        spec["gpu"] = {"count": 1, **body["gpu"]}
    elif "cpu" in body:
        spec["cpu"] = {"memory": 2 * body["cpu"]["vcpuCount"], **body["cpu"]}
    return spec


def check_create(spec: Spec, catalog: Catalog, volumes: Volumes) -> None:
    """Refuse a create call that breaks a rule.

    Raises:
        Problem: 400, or 404 for a template, of which there is none here.
    """
    if "templateId" in spec:
        raise Problem(404, "template not found")
    _check_compute(spec, catalog)
    check_container(spec)
    _check_mounts(spec, volumes)
    for place in spec["dataCenterIds"]:
        if place not in catalog.data_centers:
            raise Problem(400, f"data center '{place}' does not exist")


def check_container(spec: Spec) -> None:
    """Refuse ports or variables that break a rule."""
    matches = [_PORT.match(port) for port in spec.get("ports", [])]
    for port, match in zip(spec.get("ports", []), matches, strict=True):
        if match is None or not 0 < int(match[1]) <= 70_999:
            raise Problem(400, f"port '{port}' is not formatted as port/protocol")
    if sum(match is not None and match[2] == "http" for match in matches) > MOST_HTTP_PORTS:
        raise Problem(400, f"at most {MOST_HTTP_PORTS} http ports can be exposed")
    if len(spec.get("env", {})) > MOST_VARIABLES:
        raise Problem(400, f"at most {MOST_VARIABLES} environment variables can be set")


def _check_compute(spec: Spec, catalog: Catalog) -> None:
    if ("gpu" in spec) == ("cpu" in spec):
        raise Problem(400, "exactly one of gpu or cpu must be set")
    if "cpu" in spec:
        vcpus = spec["cpu"]["vcpuCount"]
        if vcpus & (vcpus - 1):
            raise Problem(400, "vcpuCount must be a power of two")
        return
    gpu = spec["gpu"]
    known = catalog.gpus.get(gpu["id"])
    if known is None:
        raise Problem(400, f"gpu '{gpu['id']}' does not exist")
    most = known.max_count[spec["cloud"].lower()]
    if gpu["count"] > most:
        raise Problem(400, f"gpu count {gpu['count']} exceeds the maximum of {most}")
    if "minCudaVersion" in gpu and gpu.get("allowedCudaVersions"):
        raise Problem(400, "minCudaVersion and allowedCudaVersions are mutually exclusive")


def _check_mounts(spec: Spec, volumes: Volumes) -> None:
    mounts = spec["mounts"]
    if "persistent" in mounts and "network" in mounts:
        raise Problem(400, "mounts.persistent and mounts.network are mutually exclusive")
    if "persistent" in mounts and "cpu" in spec:
        raise Problem(400, "mounts.persistent is not supported on CPU pods")
    for mount in mounts.get("network", []):
        if spec["cloud"] != "SECURE":
            raise Problem(400, "network volumes are only available in Secure Cloud")
        volume = volumes.find(mount["volumeId"])
        if volume is None:
            raise Problem(400, f"network volume '{mount['volumeId']}' does not exist")
        if spec["dataCenterIds"] and volume.dataCenter not in spec["dataCenterIds"]:
            raise Problem(400, f"network volume is in data center '{volume.dataCenter}'")
    for mount in [*mounts.get("network", []), *filter(None, [mounts.get("persistent")])]:
        if not mount["path"].startswith("/") or ".." in mount["path"].split("/"):
            raise Problem(400, f"mount path '{mount['path']}' is not absolute")


def check_mount_change(spec: Spec, mounts: dict[str, Any]) -> None:
    """Refuse an update of the mounts that is not a change of path or a growing disk."""
    if set(mounts) - set(spec["mounts"]):
        raise Problem(400, "the kind of mount is fixed at creation")
    if "network" in mounts:
        ids = [mount["volumeId"] for mount in mounts["network"]]
        if ids != [mount["volumeId"] for mount in spec["mounts"]["network"]]:
            raise Problem(400, "the volume of a network mount is immutable")
