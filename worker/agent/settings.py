"""The agent's settings: one frozen class, read from the pod's environment and from no file."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from rekindle import __version__
from rekindle.errors import SettingsInvalid

_LEAST_TOKEN = 32
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class AgentSettings(BaseSettings):
    """Everything an agent is told. A pod is given no other secret than its token."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    rekindle_pod_token: SecretStr = Field(
        description="Bearer token of this very pod, at least 32 characters."
    )
    gpu_server_host: str = Field("127.0.0.1", description="Address the agent listens on.")
    gpu_server_port: int = Field(8001, ge=0, le=65535, description="Its port.")
    comfyui_url: str = Field("http://127.0.0.1:8188", description="ComfyUI, on loopback.")
    comfyui_base_directory: Path = Field(
        description="ComfyUI's --base-directory: results are served from below it alone."
    )
    comfyui_pid_file: Path | None = Field(
        None, description="Where ComfyUI's process id is; without it nothing is recycled."
    )
    comfyui_away_seconds: float = Field(
        600.0, gt=0, description="With ComfyUI away for longer the pod is unhealthy, seconds."
    )
    least_free_disk_mb: int = Field(
        512, ge=0, description="With less free disk the pod is unhealthy, MB."
    )
    recycle_growth_mb: int = Field(
        16_384,
        ge=1,
        description="ComfyUI is started anew, while it has nothing to do, when its own memory has "
        "grown by so much since it was ready, MB. Models kept in memory count.",
    )
    hung_queue_seconds: float = Field(
        1800.0,
        gt=0,
        description="A prompt that runs for so long without a sign of life is interrupted, and if "
        "that does not help ComfyUI is started anew, seconds. Packs give up much earlier.",
    )
    dead_man_seconds: float = Field(
        900.0, gt=0, description="Without a request that holds the token the pod ends itself."
    )
    workflows_path: str = Field("", description="Folder of further graph packs.")
    generate_seconds: float = Field(
        80.0, gt=0, le=90, description="Longest `POST /generate`; the pod proxy cuts at 100 s."
    )
    max_image_size_mb: int = Field(10, ge=1, description="Largest image in a base64 field, MB.")
    runpod_pod_id: str | None = Field(None, description="Set by the platform.")
    runpod_api_key: SecretStr | None = Field(None, description="Pod-scoped, set by the platform.")
    runpod_api_url: str = Field("https://api.runpod.io", description="RunPod's REST API.")
    runpod_pod_hostname: str = Field("", description="Set by the platform; shown as the host.")
    api_version: str = Field(__version__, description="Version that /health shows.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    log_format: str = Field("json", pattern="^(json|console)$")

    @field_validator("rekindle_pod_token")
    @classmethod
    def _long(cls, token: SecretStr) -> SecretStr:
        if len(token.get_secret_value()) < _LEAST_TOKEN:
            raise ValueError(f"has fewer than {_LEAST_TOKEN} characters")
        if not token.get_secret_value().isascii() or " " in token.get_secret_value():
            raise ValueError("has other characters than a header can carry")
        return token

    @field_validator("comfyui_url")
    @classmethod
    def _beside(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
            raise ValueError("must be an http address on loopback: ComfyUI itself checks nobody")
        return url.rstrip("/")


def read_settings() -> AgentSettings:
    """The settings in the environment.

    Raises:
        SettingsInvalid: names each variable that is missing or wrong, and repeats no value.
    """
    try:
        return AgentSettings()
    except ValidationError as error:
        wrong = (
            f"{'.'.join(map(str, found['loc'])).upper()}: {found['msg']}"
            for found in error.errors(include_input=False, include_context=False)
        )
        raise SettingsInvalid("; ".join(wrong)) from None
