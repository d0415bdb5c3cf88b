"""Names and tokens of rented pods."""

import hmac

from rekindle.contracts.statuses import GpuClass


def fleet_prefix(environment: str) -> str:
    """How the names of all pods of a deployment begin."""
    return f"rk-{environment}-"


def prefix_of(environment: str, gpu_class: GpuClass, number: int) -> str:
    """How the names of all generations of one pod begin."""
    return f"{fleet_prefix(environment)}{gpu_class}-{number}-"


def name_of(environment: str, gpu_class: GpuClass, number: int, generation: int) -> str:
    """The name of one pod: never a run id, since a reset of its owner would orphan it."""
    return f"{prefix_of(environment, gpu_class, number)}{generation}"


def number_in(environment: str, name: str) -> tuple[GpuClass, int] | None:
    """Class and number that a pod's name tells; None for a name that is not of this deployment."""
    parts = name.removeprefix(fleet_prefix(environment)).split("-")
    if not name.startswith(fleet_prefix(environment)) or len(parts) != 3:
        return None
    gpu_class, number, generation = parts
    if gpu_class not in list(GpuClass) or not (number.isdecimal() and generation.isdecimal()):
        return None
    return GpuClass(gpu_class), int(number)


def token_of(secret_key: str, name: str, salt: str) -> str:
    """The bearer token of one pod: 256 bits that nobody can guess and no table holds.

    Args:
        secret_key: of this deployment.
        name: of the pod; another generation has another token.
        salt: random, from the pod's row.
    """
    text = f"rekindle pod token\n{name}\n{salt}"
    return hmac.new(secret_key.encode(), text.encode(), "sha256").hexdigest()
