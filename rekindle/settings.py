"""Every setting: one frozen class, read from the environment when asked, never at import.

`.env.example` is generated from this class (`rekindle settings`), and a test keeps the two equal.
"""

from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rekindle import __version__
from rekindle.errors import SettingsInvalid

Names = Annotated[tuple[str, ...], NoDecode]
"""Several names in one variable, separated by commas."""


class Settings(BaseSettings):
    """All of Rekindle's settings, each with its meaning and default."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    # -- Where the parts are -------------------------------------------------------------------
    database_url: SecretStr = Field(
        SecretStr("postgresql://app:app@127.0.0.1:5432/rekindle"),  # pragma: allowlist secret
        description="Postgres 15 or newer, as a URL.",
    )
    database_connections: int = Field(
        10, ge=1, description="Most connections to Postgres of one process, listeners not counted."
    )
    temporal_address: str = Field(
        "127.0.0.1:7233",
        description="Temporal's frontend. TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS and "
        "the rest of Temporal's own environment configuration are read as well.",
    )
    temporal_namespace: str = Field("default", description="Temporal namespace.")
    comfyui_url: str | None = Field(
        None,
        description="A fixed ComfyUI server to render on, for example http://127.0.0.1:8188; "
        "several are separated by commas.",
    )
    comfyui_token: SecretStr | None = Field(
        None, description="Bearer token for COMFYUI_URL, when a proxy in front of it asks for one."
    )

    # -- Photos and results ----------------------------------------------------------------------
    aws_access_key_id: str | None = Field(None, description="Access key of the photo bucket.")
    aws_secret_access_key: SecretStr | None = Field(None, description="Its secret.")
    aws_region: str = Field("us-east-1", description="Region of the bucket.")
    s3_bucket: str = Field("rekindle-media", description="Private bucket for all photos.")
    s3_endpoint_url: str | None = Field(
        None, description="Address of an S3-compatible store; empty means AWS."
    )
    url_seconds: int = Field(
        600, ge=1, le=600, description="Life of a presigned address, seconds (at most 600)."
    )
    hd_url_seconds: int = Field(
        300,
        ge=1,
        le=600,
        description="Life of the address of a paid HD file, seconds (at most 600): a refund closes "
        "the file, but not addresses that are out already.",
    )
    cloudfront_domain: str | None = Field(
        None,
        description="CloudFront domain in front of the bucket, such as "
        "d111111abcdef8.cloudfront.net (docs/cloudfront.md says how it must be set up); empty "
        "serves presigned URLs.",
    )
    cloudfront_key_pair_id: str | None = Field(
        None, description="CloudFront's id of the public key that CLOUDFRONT_DOMAIN trusts."
    )
    cloudfront_private_key: SecretStr | None = Field(
        None,
        description="The private key to it: RSA 2048, PEM; line breaks may be written as \\n.",
    )
    max_upload_mb: int = Field(50, ge=1, description="Largest upload, MB of 1024 * 1024 bytes.")
    upload_url_seconds: int = Field(
        600,
        ge=60,
        le=3600,
        description="How long a browser may begin to send a photo straight to the bucket, by the "
        "form that it was given, seconds.",
    )
    abandoned_upload_hours: float = Field(
        24.0,
        ge=2,
        description="A photo that was sent to the bucket, and that nobody has made a job of for so "
        "long, is deleted, hours.",
    )
    undo_seconds: float = Field(
        86_400.0,
        ge=0,
        description="How long a deleted job can be had back by its owner before it is erased, "
        "seconds; 0 erases at once.",
    )
    job_retention_days: float = Field(
        0.0,
        ge=0,
        description="A job is deleted so long after it was made, days, and shows when; 0 keeps "
        "jobs until their owners delete them. What was paid for is delivered before.",
    )
    max_pixels: int = Field(64_000_000, ge=1, description="Most pixels a photo may have.")
    max_image_size_mb: int = Field(
        10, ge=1, description="Largest image in a base64 field, MB of 1024 * 1024 bytes."
    )

    # -- Identity --------------------------------------------------------------------------------
    auth0_domain: str = Field(
        "",
        description="The issuer of sign-ins: an Auth0 domain such as example.eu.auth0.com, or any "
        "OIDC issuer as a full URL.",
    )
    auth0_audience: str = Field(
        "https://api.rekindle.example", description="Audience that access tokens must carry."
    )
    oidc_client_id: str | None = Field(
        None,
        description="Id of this API as an application of the issuer (docs/identity.md), so that "
        "people can sign in with a browser; empty turns that off. Access tokens need neither.",
    )
    oidc_client_secret: SecretStr | None = Field(None, description="Its secret.")
    oidc_scopes: str = Field(
        "openid",
        pattern=r"^(\S+ )*openid( \S+)*$",
        description="Scopes that a sign-in asks the issuer for, separated by spaces; openid is one "
        "of them.",
    )
    session_hours: float = Field(
        12.0,
        gt=0,
        le=24 * 30,
        description="How long somebody stays signed in, with the scopes of that moment, hours.",
    )
    session_idle_minutes: float = Field(
        120.0, gt=1, description="Somebody who does nothing for so long is signed out, minutes."
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="At least 32 random characters: keys for everything we sign or hash ourselves.",
    )

    # -- Money -----------------------------------------------------------------------------------
    stripe_secret_key: SecretStr | None = Field(None, description="Stripe API key.")
    stripe_webhook_secret: SecretStr | None = Field(
        None, description="Signing secret of the Stripe webhook endpoint."
    )
    stripe_api_url: str | None = Field(
        None, description="Address of Stripe's API, for a simulator; empty means Stripe."
    )

    currency: str = Field(
        "usd", description="Currency of an order whose request names none: usd, eur, gbp or jpy."
    )
    offer_seconds: int = Field(
        3600,
        ge=1800,
        le=86_400,
        description="How long a checkout page stays open, seconds (30 minutes to 24 hours).",
    )
    sweep_seconds: float = Field(
        60.0,
        ge=1,
        description="Time between two looks for announcements of payments that were lost and for "
        "orders that stand still, seconds.",
    )
    public_url: str | None = Field(
        None,
        description="Address of this API as browsers reach it, for the pages after a checkout; "
        "empty means BACKEND_HOST and BACKEND_PORT.",
    )
    checkout_success_url: str | None = Field(
        None,
        description="Your own page after a payment, with {order_id} in it; empty shows ours.",
    )
    checkout_cancel_url: str | None = Field(
        None,
        description="Your own page after a checkout that was left, with {order_id} in it; empty "
        "shows ours.",
    )

    # -- Rented GPUs -----------------------------------------------------------------------------
    runpod_api_key: SecretStr | None = Field(None, description="RunPod API key.")
    runpod_api_url: str = Field(
        "https://api.runpod.io", description="Address of RunPod's REST API (version 2)."
    )
    runpod_proxy_url: str = Field(
        "https://{pod_id}-{port}.proxy.runpod.net",
        description="Where a port of a pod is reached, with {pod_id} and {port} in it.",
    )
    runpod_endpoint_id: str | None = Field(None, description="RunPod serverless endpoint.")
    runpod_network_volume_id: str | None = Field(None, description="RunPod volume with models.")
    runpod_s3_access_key: str | None = Field(None, description="Access key of the volume's S3.")
    runpod_s3_secret_key: SecretStr | None = Field(None, description="Its secret.")
    runpod_s3_endpoint_url: str | None = Field(None, description="Address of the volume's S3.")
    runpod_s3_region: str | None = Field(None, description="Data centre of the volume.")
    replicate_api_token: SecretStr | None = Field(None, description="Replicate API token.")

    # -- The fleet: pods that are rented when COMFYUI_URL is empty and RUNPOD_API_KEY is set ------
    environment: str = Field(
        "dev",
        pattern=r"^[a-z0-9]{1,12}$",
        description="Name of this deployment; the names of its pods carry it, so that deployments "
        "on one account leave each other's pods alone.",
    )
    pod_image: str = Field("rekindle-pod:latest", description="Container image of a pod.")
    pod_volume_path: str = Field(
        "/workspace", description="Where a pod mounts RUNPOD_NETWORK_VOLUME_ID."
    )
    pod_disk_gb: int = Field(40, ge=5, description="Container disk of a pod, GB.")
    pod_min_cuda: str | None = Field(
        "12.8", description="Lowest CUDA version that a pod's host must have."
    )
    image_gpu_types: Names = Field(
        (),
        description="GPU types for still pictures, best first, separated by commas; empty takes "
        "what is in stock with 24 to 48 GB, cheapest first.",
    )
    video_gpu_types: Names = Field((), description="The same for animations.")
    image_pods_min: int = Field(0, ge=0, description="Pods for still pictures kept at any time.")
    image_pods_max: int = Field(3, ge=0, description="Most pods for still pictures.")
    image_pods_spare: int = Field(
        0, ge=0, description="Idle pods kept beside the busy ones while there is work."
    )
    image_pods_prewarm: str = Field(
        "",
        description="Pods kept at certain times: `cron=count` entries separated by semicolons, "
        "such as `*/1 8-18 * * 1-5=2` (UTC).",
    )
    video_pods_min: int = Field(0, ge=0, description="Pods for animations kept at any time.")
    video_pods_max: int = Field(1, ge=0, description="Most pods for animations.")
    video_pods_spare: int = Field(0, ge=0, description="As IMAGE_PODS_SPARE, for animations.")
    video_pods_prewarm: str = Field("", description="As IMAGE_PODS_PREWARM, for animations.")
    pod_idle_seconds: float = Field(
        120.0, gt=0, description="A pod that had nothing to do for so long is returned, seconds."
    )
    video_pod_idle_seconds: float | None = Field(
        None, gt=0, description="The same for animations; empty takes POD_IDLE_SECONDS."
    )
    pod_settled_seconds: float = Field(
        0.0,
        ge=0,
        description="No pod of a class is returned for idleness until so long after the last one "
        "was asked for, seconds: more damps a demand that swings.",
    )
    pod_late_seconds: float = Field(
        2200.0,
        ge=0,
        description="Seconds of pod time worth paying to spare one job a wait of over 15 s: more "
        "keeps more pods warm. 0 rents only for work that is there (docs/lab.md has the curve).",
    )
    pod_alone_seconds: float = Field(
        300.0,
        gt=0,
        description="An idle pod returns itself after so long when nobody scales the fleet (its "
        "schedule is paused, say), seconds.",
    )
    pod_boot_seconds: float = Field(
        1200.0, gt=0, description="A pod that is not ready after so long is returned, seconds."
    )
    pod_lag_seconds: float = Field(
        20.0,
        ge=0,
        description="How long RunPod's list of pods may lag behind what was created, seconds.",
    )
    pod_away_seconds: float = Field(
        60.0, gt=0, description="A pod that does not answer for so long is given up, seconds."
    )
    pod_age_seconds: float = Field(
        43_200.0, gt=0, description="A pod as old as this is drained and replaced, seconds."
    )
    pod_failures: int = Field(
        3, ge=1, description="A machine on which so many jobs failed is drained and avoided."
    )
    dead_man_seconds: float = Field(
        900.0, gt=0, description="A pod nobody has spoken to for so long ends itself, seconds."
    )
    autoscale_seconds: float = Field(
        30.0, ge=1, description="Time between two looks at the fleet, seconds."
    )
    spend_per_hour: float = Field(
        5.0, ge=0, description="Most the fleet may cost in any hour, US dollars."
    )
    spend_per_day: float = Field(
        50.0, ge=0, description="Most the fleet may cost in a day (UTC), US dollars."
    )
    image_spend_per_hour: float | None = Field(
        None,
        ge=0,
        description="Most that pods for still pictures alone may cost in any hour, US dollars; "
        "empty leaves them the whole of SPEND_PER_HOUR.",
    )
    image_spend_per_day: float | None = Field(
        None, ge=0, description="The same in a day (UTC), of SPEND_PER_DAY."
    )
    video_spend_per_hour: float | None = Field(
        None, ge=0, description="As IMAGE_SPEND_PER_HOUR, for animations."
    )
    video_spend_per_day: float | None = Field(
        None, ge=0, description="As IMAGE_SPEND_PER_DAY, for animations."
    )
    spend_paid_reserve: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Share of these limits that only paid work may use.",
    )

    # -- This process ----------------------------------------------------------------------------
    backend_host: str = Field("127.0.0.1", description="Address the API listens on.")
    backend_port: int = Field(8000, ge=0, le=65535, description="Port the API listens on.")
    gpu_server_host: str = Field("127.0.0.1", description="Address the on-pod agent listens on.")
    gpu_server_port: int = Field(8001, ge=0, le=65535, description="Port of the on-pod agent.")
    models_path: str = Field(
        "",
        description="Folder of model files on rented pods; empty leaves it to their image, "
        "which has /workspace/models.",
    )
    workflows_path: str = Field(
        "",
        description="Folder of further graph packs, for API, worker and `rekindle graphs` alike; "
        "empty uses the packs of this release alone.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe log line that is written."
    )
    log_format: Literal["json", "console"] = Field("json", description="Log lines as JSON or text.")
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token that opens GET /metrics; without it there are no metrics."
    )
    debug: bool = Field(False, description="Development conveniences: interactive API docs.")
    api_title: str = Field("Rekindle", description="Title in the API's description.")
    api_version: str = Field(__version__, description="Version in the API's description.")
    cors_origins: Names = Field(
        (), description="Origins of web pages that may call the API, separated by commas."
    )

    trusted_proxies: Names = Field(
        (),
        description="Proxies in front of the API, as addresses or networks separated by commas: "
        "only they are believed who is calling and by which scheme (X-Forwarded-For, "
        "X-Forwarded-Proto).",
    )
    allowed_hosts: Names = Field(
        (),
        description="Host names by which the API may be called, separated by commas, such as "
        "api.example.com,*.example.org; empty means any. Health checks may use any.",
    )

    allow_private_webhooks: bool = Field(
        False,
        description="Development: webhooks may go to private addresses, and by plain HTTP. In "
        "production anybody could reach what only this machine should.",
    )

    # -- Limits per user and address (docs/limits.md) --------------------------------------------
    rate_limit_uploads: str = Field(
        "600/hour",
        description="Photos that one user may send or announce: such as 30/hour, several as "
        "5/second;600/hour, or none for no limit.",
    )
    rate_limit_commands: str = Field(
        "1200/hour", description="Other requests of one user that change something."
    )
    rate_limit_checkouts: str = Field("120/hour", description="Checkouts that one user may open.")
    rate_limit_reads: str = Field("1200/minute", description="Requests of one user that only look.")
    rate_limit_refusals: str = Field(
        "300/minute",
        description="Refused tokens from one address; beyond it, no token from there is looked at.",
    )
    rate_limit_address_factor: int = Field(
        10,
        ge=0,
        description="All users of one address together (IPv6: of one /64 network) may do so many "
        "times what one user may; 0 is no limit.",
    )
    rate_limit_operator_factor: int = Field(
        10, ge=0, description="Operators may do so many times what a user may; 0 is no limit."
    )
    rate_limit_storage_url: SecretStr | None = Field(
        None,
        description="Where several API processes count together, such as redis://host:6379/0; "
        "empty counts in each process for itself.",
    )
    max_open_attempts: int = Field(
        100, ge=0, description="Unfinished attempts of one user at a time; 0 is no limit."
    )
    max_open_orders: int = Field(
        10, ge=0, description="Unpaid orders of one user at a time; 0 is no limit."
    )
    max_album_photos: int = Field(100, ge=1, le=500, description="Most photos in one album.")
    upload_quota_mb_per_day: int = Field(
        0,
        ge=0,
        description="Photos that one user may upload in 24 hours, MB of 1024 * 1024 bytes; 0 is "
        "no limit.",
    )
    upload_quota_jobs_per_day: int = Field(
        0, ge=0, description="Jobs that one user may make in 24 hours; 0 is no limit."
    )

    # -- Events of a job -------------------------------------------------------------------------
    event_keepalive_seconds: float = Field(
        15.0, gt=0, description="A silent event stream gets a comment that often, seconds."
    )
    event_stream_seconds: float = Field(
        3600.0,
        gt=0,
        description="Longest life of one event stream, seconds; its client then resumes.",
    )
    event_poll_seconds: float = Field(
        15.0,
        gt=0,
        description="How often streams look for events that no notification told of, seconds.",
    )
    event_waiting_seconds: float = Field(
        2.0,
        gt=0,
        description="How often streams look at most how attempts wait (place in line, ETA), "
        "seconds; one statement for 200 jobs of a process, and none while nothing waits.",
    )

    # -- Graphs ----------------------------------------------------------------------------------
    default_graph: str = Field(
        "restore", description="Graph pack of a restoration whose request names none."
    )
    default_animation_graph: str = Field(
        "animate", description="Graph pack of an animation whose request names none."
    )
    hd_image_graph: str = Field("upscale_hd", description="Graph pack that makes HD of a picture.")
    hd_video_graph: str = Field("animate_hd", description="Graph pack that makes HD of a clip.")

    # -- Prompts ---------------------------------------------------------------------------------
    prompt_screening_url: str | None = Field(
        None,
        description="A service that judges prompts beside the built-in word list: it is sent "
        '{"prompt": "..."} by POST and answers {"allowed": true} or {"allowed": false}. While it '
        "is away, requests with a prompt are refused (503).",
    )
    prompt_screening_token: SecretStr | None = Field(
        None, description="Bearer token for PROMPT_SCREENING_URL."
    )
    prompt_screening_seconds: float = Field(
        5.0, gt=0, description="Longest wait for its answer, seconds."
    )

    # -- Limits and retries ------------------------------------------------------------------------
    request_timeout: float = Field(
        180.0, gt=0, description="Longest single call to a GPU, seconds."
    )
    restore_deadline: float = Field(
        300.0, gt=0, description="Longest an attempt may wait for a GPU and run on it, seconds."
    )
    animation_deadline: float = Field(
        1200.0, gt=0, description="The same of an animation, seconds."
    )
    generation_deadline: float = Field(
        300.0, gt=0, description="The same of a picture that is made of words, seconds."
    )
    hd_deadline: float = Field(
        900.0,
        gt=0,
        description="The same of a paid HD result, seconds; after it the money goes back.",
    )
    max_retries: int = Field(
        3, ge=0, description="Further tries after a graph failed on our side; 0 fails at once."
    )
    retry_backoff_base: float = Field(
        2.0,
        ge=0,
        le=60,
        description="Seconds before the first of these tries; each further one waits that factor "
        "longer. 0 waits never.",
    )
    max_concurrent_tasks: int = Field(
        1, ge=1, description="Prompts of a GPU class at once on one fixed ComfyUI server."
    )
    job_idle_seconds: float = Field(
        3600.0,
        gt=0,
        description="How long a job's workflow stays open with nothing to do, seconds.",
    )

    @field_validator(
        *("cors_origins", "trusted_proxies", "allowed_hosts", "image_gpu_types", "video_gpu_types"),
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(v.strip() for v in value.split(",") if v.strip())
            if isinstance(value, str)
            else value
        )

    @property
    def comfyui_urls(self) -> tuple[str, ...]:
        """The fixed ComfyUI servers, none or several."""
        return tuple(u.strip() for u in (self.comfyui_url or "").split(",") if u.strip())

    @property
    def public_address(self) -> str:
        """PUBLIC_URL without a slash at its end; by default where the API listens."""
        listening = f"http://{self.backend_host}:{self.backend_port}"
        return (self.public_url or listening).rstrip("/")

    @property
    def page_origins(self) -> tuple[str, ...]:
        """Origins of web pages that may post photos to the bucket: CORS_ORIGINS, and our own."""
        own = urlsplit(self.public_address)
        return tuple(dict.fromkeys((*self.cors_origins, f"{own.scheme}://{own.netloc}")))

    @property
    def rents_pods(self) -> bool:
        """Whether pods are rented: there is an account, and no fixed server."""
        return self.runpod_api_key is not None and not self.comfyui_urls

    @property
    def undo(self) -> timedelta:
        """How long a deleted job can be had back."""
        return timedelta(seconds=self.undo_seconds)

    @property
    def retention(self) -> timedelta | None:
        """How long jobs are kept; None for ever."""
        return timedelta(days=self.job_retention_days) if self.job_retention_days else None

    @property
    def session_life(self) -> timedelta:
        """How long a browser session lasts at most."""
        return timedelta(hours=self.session_hours)

    @property
    def session_idle(self) -> timedelta:
        """How long a browser session may stand unused."""
        return timedelta(minutes=self.session_idle_minutes)

    @property
    def issuer(self) -> str:
        """The OIDC issuer: AUTH0_DOMAIN as a URL (Auth0's issuers end in a slash)."""
        domain = self.auth0_domain
        return domain if "://" in domain or not domain else f"https://{domain}/"


REPLACED = {
    "REDIS_URL": "nothing: queues are Temporal task queues, quotas live in Postgres; what several "
    "API processes count together may live in RATE_LIMIT_STORAGE_URL.",
    "STORAGE_PATH": "S3_BUCKET: photos live in object storage.",
    "GPU_SERVICE_URL": "COMFYUI_URL for a fixed server, the RUNPOD_ settings for rented ones.",
}
"""Names that older deployments set, and what replaces each."""


def read_settings() -> Settings:
    """The settings in the environment and `.env`.

    Raises:
        SettingsInvalid: says which are wrong; never shows a value, which may be a secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
        raise SettingsInvalid("\n".join(["These settings are wrong:", *wrong])) from None


def as_template() -> str:
    """The text of `.env.example`: every setting with its meaning and default, no secret."""
    lines = [
        "# Every setting, its meaning and its default. Copy to .env and change what you need.",
        "",
    ]
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "" if default is None or isinstance(default, SecretStr) else default
        shown = ",".join(shown) if isinstance(shown, tuple) else shown
        shown = "" if name == "api_version" else shown
        lines += [f"# {field.description}", f"#{name.upper()}={shown}", ""]
    lines += ["# Replaced; setting these has no effect:"]
    lines += [f"#   {name}: {by}" for name, by in REPLACED.items()]
    return "\n".join(lines) + "\n"
