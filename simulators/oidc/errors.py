"""The two ways an OAuth request is refused.

OAuthError (told to the client, as JSON or on its redirect URI)
RefusedPage (told to the person: the client or its address cannot be trusted, so nothing is sent)
"""


class OAuthError(Exception):
    """A refusal in the words of RFC 6749: a code for the program, a sentence for its developer."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


class RefusedPage(Exception):
    """An authorization request that must not be redirected anywhere (RFC 6749, 4.1.2.1)."""
