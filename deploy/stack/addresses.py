"""Where everything of a running stack is."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class StackAddresses:
    """The addresses of one running stack; they stay the same when its folder is used again."""

    api: str
    """`http://host:port`, without a slash at the end."""
    temporal: str
    """host:port of the gRPC frontend."""
    temporal_namespace: str
    temporal_ui: str
    issuer: str
    """The issuer of sign-ins, exactly as its tokens name it."""
    audience: str
    """What a token for the API must be for."""
    comfyui: str
    """The fixed server; empty when pods are rented."""
    runpod: str
    """RunPod's API, when pods are rented; empty otherwise."""
    stripe: str
    """Where people pay without money; empty where a STRIPE_SECRET_KEY is set."""
    s3: str
    bucket: str
    database: str = field(repr=False)
    """Postgres as a URL, with its password."""

    @property
    def docs(self) -> str:
        """The interactive description of the API."""
        return f"{self.api}/docs"
