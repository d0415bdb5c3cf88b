"""The parts of a stack, and the order in which they start and stop."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import SecretStr

from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.s3 import EmbeddedS3
from deploy.embedded.service import EmbeddedService
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.stack.addresses import StackAddresses
from deploy.stack.environment import as_environment
from deploy.stack.private_file import read_or_make_secret
from deploy.stack.returning import return_pods
from deploy.stack.services import WEB_CLIENT, Api, ComfyUI, Issuer, RunPod, Stripe, Worker
from rekindle.rules.identity import OPERATE
from rekindle.rules.sign_in import is_safe_address
from rekindle.settings import Settings

BUCKET = "rekindle-media"
DATABASE = "rekindle"
MODEL_FREE_GRAPH = "restore_classic"
MODEL_FREE_GRAPHS = {
    "default_graph": MODEL_FREE_GRAPH,
    "default_animation_graph": "animate_classic",
    "hd_image_graph": "upscale_classic",
    "hd_video_graph": "upscale_video_classic",
}
"""What the small ComfyUI, which has no models, can restore with."""
ON_THIS_MACHINE = {"image_pods_min": 1, "image_pods_max": 2, "video_pods_max": 1}
"""How many simulated pods there are, where nothing else is set: one is kept warm."""


class Stack:
    """All of Rekindle in one folder; `running_stack` starts it.

    Every part has the same handles: `stack.worker.kill()` is a crash, `stack.worker.start()`
    continues on the same ports and data.
    """

    def __init__(
        self,
        data: Path,
        ports: Mapping[str, int],
        *,
        settings: Settings,
        rents_pods: bool = False,
        comfyui_arguments: Sequence[str] = (),
        runpod_arguments: Sequence[str] = (),
        stripe_arguments: Sequence[str] = (),
        temporal_config: Mapping[str, str] | None = None,
    ) -> None:
        """Describe the parts; nothing runs yet.

        Args:
            data: an existing folder.
            ports: one for each of `deploy.stack.ports.NAMES`.
            settings: what the stack does not decide itself is taken from here.
            rents_pods: rent pods from a RunPod simulator instead of using one small ComfyUI;
                a COMFYUI_URL in the settings goes before either.
            comfyui_arguments: further arguments of the small ComfyUI.
            runpod_arguments: further arguments of the simulator.
            stripe_arguments: the same of Stripe's; a STRIPE_SECRET_KEY in the settings goes before
                that simulator.
            temporal_config: further dynamic configuration of Temporal.
        """
        self.data = data
        self._given = settings
        self._secret_key = data / "secret_key"
        self.temporal = EmbeddedTemporal(
            data / "temporal",
            port=ports["temporal"],
            ui_port=ports["temporal_ui"],
            dynamic_config=temporal_config,
        )
        self.postgres = EmbeddedPostgres(
            data / "postgres", database=DATABASE, port=ports["postgres"]
        )
        self.s3 = EmbeddedS3(data / "s3", bucket=BUCKET, port=ports["s3"])
        self.api = Api(data / "api", port=ports["api"], variables=self._variables)
        self.issuer = Issuer(
            data / "issuer",
            port=ports["issuer"],
            audience=settings.auth0_audience,
            browsers_at=self._signs_in_at,
        )
        self.comfyui: ComfyUI | None = None
        self.runpod: RunPod | None = None
        if not settings.comfyui_url and rents_pods:
            self.runpod = RunPod(
                data / "runpod",
                port=ports["runpod"],
                image=settings.pod_image,
                further=runpod_arguments,
            )
        elif not settings.comfyui_url:
            self.comfyui = ComfyUI(
                data / "comfyui", port=ports["comfyui"], further=comfyui_arguments
            )
        self.stripe: Stripe | None = None
        if settings.stripe_secret_key is None:
            self.stripe = Stripe(
                data / "stripe",
                port=ports["stripe"],
                secrets=data,
                webhook=f"{self.api.url}/api/v1/webhooks/stripe",
                further=stripe_arguments,
            )
        self.worker = Worker(data / "worker", self.temporal.address, variables=self._variables)
        for part in self.parts:
            part.log = data / "logs" / f"{part.name}.log"

    @property
    def parts(self) -> tuple[EmbeddedService, ...]:
        """Every process of this stack."""
        return (self.temporal, self.postgres, self.s3, *self._stand_ins, self.api, self.worker)

    @property
    def addresses(self) -> StackAddresses:
        """Where everything is; known once the stack has started."""
        temporal = self.temporal.address
        return StackAddresses(
            api=self.api.url,
            temporal=temporal.address,
            temporal_namespace=temporal.namespace,
            temporal_ui=temporal.ui_url,
            issuer=self.issuer.issuer,
            audience=self._given.auth0_audience,
            comfyui=self._comfyui_url,
            runpod=self.runpod.url if self.runpod else "",
            stripe=self.stripe.url if self.stripe else "",
            s3=self.s3.address.endpoint_url,
            bucket=BUCKET,
            database=self.postgres.address.url,
        )

    @property
    def settings(self) -> Settings:
        """The settings that API and worker run with; known once the stack has started."""
        s3 = self.s3.address
        key = next(iter(s3.keys.values()))
        decided: dict[str, object] = {
            "database_url": SecretStr(self.postgres.address.url),
            "temporal_address": self.temporal.address.address,
            "temporal_namespace": self.temporal.address.namespace,
            "comfyui_url": self._comfyui_url or None,
            "aws_access_key_id": key.access_key,
            "aws_secret_access_key": SecretStr(key.secret_key),
            "aws_region": s3.region,
            "s3_bucket": s3.bucket,
            "s3_endpoint_url": s3.endpoint_url,
            "cloudfront_domain": None,
            "auth0_domain": self.issuer.issuer,
            "oidc_client_id": None,
            "oidc_client_secret": None,
            "secret_key": SecretStr(read_or_make_secret(self._secret_key)),
            "backend_host": self.api.host,
            "backend_port": self.api.port,
            "debug": True,
        }
        if self._signs_in_at:
            decided |= {
                "oidc_client_id": WEB_CLIENT,
                "oidc_client_secret": SecretStr(self.issuer.web_secret),
                "oidc_scopes": f"openid {OPERATE}",
            }
        wishes: dict[str, object] = {}
        if self.comfyui or self.runpod:
            wishes |= MODEL_FREE_GRAPHS
        if self.runpod:
            wishes |= ON_THIS_MACHINE
            access, secret = self.runpod.s3_keys
            decided |= {
                "runpod_api_key": SecretStr(read_or_make_secret(self.runpod.key_file)),
                "runpod_api_url": self.runpod.url,
                "runpod_proxy_url": self.runpod.proxy_url,
                "runpod_network_volume_id": self.runpod.volume,
                "runpod_s3_access_key": access,
                "runpod_s3_secret_key": SecretStr(secret),
                "runpod_s3_endpoint_url": self.runpod.s3_url,
                "runpod_s3_region": self.runpod.data_center,
            }
        if self.stripe:
            decided |= {
                "stripe_secret_key": SecretStr(self.stripe.key),
                "stripe_webhook_secret": SecretStr(self.stripe.webhook_secret),
                "stripe_api_url": self.stripe.url,
            }
        given = self._given.model_fields_set
        decided |= {name: wish for name, wish in wishes.items() if name not in given}
        return self._given.model_copy(update=decided)

    def start(self) -> None:
        """Start everything at once, each part as soon as what it needs is there.

        Raises:
            LocalServiceError: a part did not come up; the others may be running.
        """
        self._make_secrets()
        with ThreadPoolExecutor(max_workers=len(self.parts)) as pool:
            temporal = pool.submit(self.temporal.start)
            postgres = pool.submit(self.postgres.start)
            s3 = pool.submit(self.s3.start)
            pending = [pool.submit(part.start) for part in self._stand_ins]
            import rekindle.wiring.parts  # noqa: F401  (as the next one)
            from rekindle.store.schema import migrate  # half a second, while the others start

            postgres.result()
            migrate(self.postgres.address.url)
            s3.result()
            pending.append(pool.submit(self.api.start))
            temporal.result()
            pending.append(pool.submit(self.worker.start))
            for started in pending:
                started.result()
            pool.submit(self._open_bucket).result()  # a thread may run a loop where ours runs

    def _open_bucket(self) -> None:
        """Let web pages post photos to the bucket, by whatever name they know this machine."""
        from rekindle.wiring.parts import bucket

        settings = self.settings
        own = (f"http://{name}:{self.api.port}" for name in (self.api.host, "localhost"))
        asyncio.run(bucket(settings).open_to([*settings.page_origins, *own]))

    def stop(self) -> None:
        """Stop in order: pods go back, the worker hands over, the API lets go, then the rest."""
        if self.runpod and self.runpod.is_running and self.worker.is_running:
            return_pods(self.settings)
        self.worker.stop()
        self.api.stop()
        with ThreadPoolExecutor(max_workers=len(self.parts)) as pool:
            for stopped in [pool.submit(part.stop) for part in self.parts]:
                stopped.result()

    def _make_secrets(self) -> None:
        """Have those secrets there that several parts read, before two of them would make them."""
        read_or_make_secret(self._secret_key)
        _ = self.issuer.web_secret
        if self.stripe:
            _ = self.stripe.key, self.stripe.webhook_secret

    @property
    def _stand_ins(self) -> tuple[EmbeddedService, ...]:
        parts = (self.issuer, self.comfyui, self.runpod, self.stripe)
        return tuple(part for part in parts if part)

    @property
    def _signs_in_at(self) -> str | None:
        """Address of the API where browsers may be signed in; None where that is not safe."""
        address = (self._given.public_url or self.api.url).rstrip("/")
        return address if is_safe_address(address) else None

    @property
    def _comfyui_url(self) -> str:
        return self.comfyui.url if self.comfyui else (self._given.comfyui_url or "")

    def _variables(self) -> Mapping[str, str]:
        return as_environment(self.settings)
