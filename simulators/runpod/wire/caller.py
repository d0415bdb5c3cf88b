"""Who calls the API, and what that caller may do."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from simulators.runpod.cloud.pod import Pod
from simulators.runpod.options import Options, PodKeyRights, Tunables
from simulators.runpod.problem import Problem

CALLER = "simulator.caller"
API, DEAD_MAN = "api", "dead-man"


@dataclass(frozen=True)
class Caller:
    """The holder of a valid key.

    Attributes:
        key: The key itself; rate limits are counted by it.
        may_write: Whether it may change anything of the account.
        pod_id: The one pod it is for, when it is a pod-scoped key.
    """

    key: str
    may_write: bool = False
    pod_id: str | None = None

    @property
    def by(self) -> str:
        """The word for this caller in the ledger."""
        return API if self.pod_id is None else DEAD_MAN


class Doorkeeper:
    """Knows keys.

    Args:
        options: The account's keys.
        tunables: The rights of pod-scoped keys.
        id_of_key: The pod of a pod-scoped key.
    """

    def __init__(
        self, options: Options, tunables: Tunables, id_of_key: Callable[[str], str | None]
    ) -> None:
        self._options = options
        self._tunables = tunables
        self._id_of_key = id_of_key

    def identify(self, authorization: bytes | None) -> Caller:
        """The caller behind an ``Authorization`` header.

        Raises:
            Problem: 401 when it is missing, malformed or wrong.
        """
        scheme, _, key = (authorization or b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise Problem(401, "missing bearer token")
        if _is(key, self._options.api_key):
            return Caller(key, may_write=True)
        if self._options.read_only_key is not None and _is(key, self._options.read_only_key):
            return Caller(key)
        pod_id = self._id_of_key(key)
        if pod_id is None:
            raise Problem(401, "invalid bearer token")
        return Caller(key, pod_id=pod_id)

    def check_account(self, caller: Caller, *, is_writing: bool) -> None:
        """Refuse what concerns the account as a whole.

        Raises:
            Problem: 403.
        """
        if caller.pod_id is not None or (is_writing and not caller.may_write):
            raise Problem(403, "access denied")

    def check_reading(self, caller: Caller, pod: Pod) -> None:
        """Refuse to show a pod.

        Raises:
            Problem: 403.
        """
        if caller.pod_id not in (None, pod.id):
            raise Problem(403, "access denied")

    def check_action(self, caller: Caller, pod: Pod, action: str) -> None:
        """Refuse to do something to a pod.

        Raises:
            Problem: 403.
        """
        allowed = {"stop"}
        if self._tunables.pod_key_may is PodKeyRights.TERMINATE:
            allowed.add("terminate")
        if caller.pod_id == pod.id and action in allowed:
            return
        self.check_account(caller, is_writing=True)


def caller_of(request: Request) -> Caller:
    """Who sent this request."""
    caller: Caller = request.scope[CALLER]
    return caller


def _is(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
