"""Classes of requests, each with a rate of its own, as data."""

from enum import StrEnum

from api import paths


class RateClass(StrEnum):
    """What a request costs us, roughly; the setting RATE_LIMIT_<name> has its rate."""

    UPLOADS = "uploads"
    COMMANDS = "commands"
    CHECKOUTS = "checkouts"
    READS = "reads"
    REFUSALS = "refusals"
    """No route's: tokens that were refused."""


_OF_ROUTES = {
    # A photo that goes straight to the bucket counts when it is announced, not again as a job.
    ("POST", paths.UPLOAD): RateClass.UPLOADS,
    ("POST", paths.UPLOADS): RateClass.UPLOADS,
    ("POST", paths.RESTORATION): RateClass.UPLOADS,
    ("POST", paths.GENERATE): RateClass.UPLOADS,
    ("POST", paths.GENERATE_WITHOUT_VERSION): RateClass.UPLOADS,
    ("POST", paths.CHECKOUT): RateClass.CHECKOUTS,
    ("POST", paths.ALBUM_CHECKOUT): RateClass.CHECKOUTS,
}
_READING = frozenset({"GET", "HEAD"})


def rate_class(method: str, path: str) -> RateClass:
    """The class of a guarded route: what changes something is a command, the rest reads.

    Routes without a token (health, webhooks, pages after a checkout) have none and no limit: they
    are in `api.open_routes`, each with the reason why it may be open. Pages of a sign-in are
    counted as commands against their address alone (`api.page_routes`).
    """
    usual = RateClass.READS if method in _READING else RateClass.COMMANDS
    return _OF_ROUTES.get((method, path), usual)
