"""A pod as RunPod's API shows it."""

from __future__ import annotations

from typing import Any

from simulators.runpod.cloud.pod import ACTIONS, FREE_OF_CHARGE, Pod, Status, View
from simulators.runpod.moments import rfc3339

PROXY_HOST = "ssh.runpod.io"


def pod_json(pod: Pod, now: float) -> dict[str, Any]:
    """The object that create, get and list answer with.

    Args:
        pod: The pod.
        now: In Unix seconds.
    """
    view, spec = pod.reported(now), pod.spec
    shown = {
        "id": pod.id,
        "name": spec["name"],
        "image": spec["image"],
        "args": spec["args"],
        "disk": spec["disk"],
        "ports": spec["ports"],
        "env": spec["env"],
        "registry": spec["registry"],
        "status": str(view.status),
        "actions": list(ACTIONS[view.status]),
        "mounts": spec["mounts"],
        "cloud": spec["cloud"],
        "dataCenterId": pod.machine.data_center,
        "cudaVersion": pod.machine.cuda,
        "ssh": _ssh(pod, view),
        "template": None,
        "cost": 0.0 if view.status in FREE_OF_CHARGE else pod.rate,
        "locked": spec["locked"],
        "globalNetworking": _global_networking(pod),
        "runtime": _runtime(pod, view, now),
        "createdAt": rfc3339(pod.created_at),
        "startedAt": None if view.started_at is None else rfc3339(view.started_at),
    }
    kind = "gpu" if "gpu" in spec else "cpu"
    wanted = {"gpu": ("id", "count"), "cpu": ("id", "vcpuCount", "memory")}[kind]
    return shown | {kind: {word: spec[kind][word] for word in wanted}}


def as_vendor_example(shown: dict[str, Any]) -> dict[str, Any]:
    """The same pod in the words of the vendor's example of a create reply.

    The example disagrees with the description beside it: a pod that is PROVISIONING has an empty
    ``runtime`` instead of none, and the actions of a stopped one.
    """
    return shown | {"actions": ["start", "terminate"], "runtime": {}}


def _runtime(pod: Pod, view: View, now: float) -> dict[str, Any] | None:
    if view.status is not Status.RUNNING or view.ready_at is None:
        return None
    tcp = [(name, public) for name, public in pod.ports.items() if name.endswith("/tcp")]
    return {
        "uptime": max(0, int(now - view.ready_at)),
        "gpus": [{"util": 0, "memoryUtil": 0}] * pod.gpu_count,
        "cpu": {"util": 0},
        "memory": {"util": 0},
        "ports": [
            {"private": int(name[:-4]), "public": public, "type": "tcp", "ip": "127.0.0.1"}
            for name, public in tcp
        ],
    }


def _ssh(pod: Pod, view: View) -> dict[str, Any]:
    user = f"{pod.id}-{pod.key[-8:].lower()}"
    through_proxy = _endpoint(PROXY_HOST, 22, user, f"ssh {user}@{PROXY_HOST}")
    port = pod.ports.get("22/tcp")
    if port is None or view.status is not Status.RUNNING:
        return {"proxy": through_proxy, "direct": None}
    command = f"ssh root@127.0.0.1 -p {port}"
    return {"proxy": through_proxy, "direct": _endpoint("127.0.0.1", port, "root", command)}


def _endpoint(host: str, port: int, username: str, command: str) -> dict[str, Any]:
    return {"host": host, "port": port, "username": username, "command": command}


def _global_networking(pod: Pod) -> dict[str, Any]:
    if not pod.spec["globalNetworking"]:
        return {"enabled": False}
    return {"enabled": True, "ip": "10.0.0.2", "internalDns": f"{pod.id}.runpod.internal"}
