"""Websockets to a server that is not ours to trust: where it points to, nobody goes."""

from websockets.asyncio.client import connect


class Connecting(connect):
    """As `websockets.connect`, but a redirect is a refusal, as it is to our HTTP clients.

    The library follows redirects to any address; a pod could lead a worker into its own network.
    """

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Whatever the answer was, it is the answer."""
        return exc
