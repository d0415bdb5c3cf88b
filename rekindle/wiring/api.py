"""The API's ports."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from rekindle.adapters.job_deletion import TemporalDeletions
from rekindle.adapters.oidc import OidcVerifier
from rekindle.adapters.order_workflows import TemporalOrders
from rekindle.adapters.screening import RuleScreening
from rekindle.adapters.temporal import TemporalJobs, connect
from rekindle.ports.deletion import DeletionCommands
from rekindle.ports.identity import TokenVerifier
from rekindle.ports.jobs import JobCommands
from rekindle.ports.objects import ObjectStore
from rekindle.ports.orders import OrderCommands
from rekindle.ports.payments import Payments
from rekindle.ports.photos import PhotoDecoder
from rekindle.ports.screening import PromptScreening
from rekindle.ports.sign_in import SignIns
from rekindle.settings import Settings
from rekindle.store.database import Database
from rekindle.wiring.parts import database, object_store, payments, photo_decoder, prompt_screening
from rekindle.wiring.sign_in import open_sign_ins


@dataclass(frozen=True)
class ApiPorts:
    """What the API needs from the world.

    Attributes:
        payments: None where nothing can be bought.
        sign_ins: None where nobody can sign in with a browser.
    """

    database: Database
    objects: ObjectStore
    photos: PhotoDecoder
    tokens: TokenVerifier
    jobs: JobCommands
    orders: OrderCommands
    payments: Payments | None
    deletions: DeletionCommands
    sign_ins: SignIns | None = None
    prompts: PromptScreening = field(default_factory=RuleScreening)


@asynccontextmanager
async def open_api(settings: Settings) -> AsyncIterator[ApiPorts]:
    """The API's ports for one event loop. Connections are made when first needed."""
    async with AsyncExitStack() as stack:
        client = await connect(settings.temporal_address, settings.temporal_namespace, lazy=True)
        tokens = OidcVerifier(settings.issuer, settings.auth0_audience)
        stack.push_async_callback(tokens.aclose)
        yield ApiPorts(
            database=database(settings, stack),
            objects=object_store(settings),
            photos=photo_decoder(settings),
            tokens=tokens,
            jobs=TemporalJobs(client),
            orders=TemporalOrders(client),
            payments=payments(settings, stack),
            deletions=TemporalDeletions(client),
            sign_ins=open_sign_ins(settings, tokens, stack),
            prompts=prompt_screening(settings, stack),
        )
