"""Every path of the API, once: routes are declared with them and links are made from them."""

from urllib.parse import urlencode
from uuid import UUID

from rekindle.contracts import orders
from rekindle.rules import sign_in

V1 = "/api/v1"
JOBS = f"{V1}/jobs"
UPLOAD = f"{JOBS}/upload"
UPLOADS = f"{V1}/uploads"
JOB = f"{JOBS}/{{job_id}}"
RESTORE = f"{JOB}/restore"
RESTORE_ATTEMPT = f"{JOB}/restores/{{attempt_id}}"
CANCEL_RESTORE_ATTEMPT = f"{RESTORE_ATTEMPT}/cancel"
SELECT = f"{JOB}/select"
ANIMATE = f"{JOB}/animate"
ANIMATION = f"{JOB}/animations/{{attempt_id}}"
CANCEL_ANIMATION = f"{ANIMATION}/cancel"
GENERATION = f"{JOB}/generations/{{attempt_id}}"
CANCEL_GENERATION = f"{GENERATION}/cancel"
GENERATE = f"{V1}/generate"
GENERATE_WITHOUT_VERSION = "/generate"
TASK = f"{V1}/status/{{job_id}}"
TASK_WITHOUT_VERSION = "/status/{job_id}"
UNDELETE = f"{JOB}/undelete"
EVENTS = f"{JOB}/events"
RESTORATION = f"{V1}/restoration/restore"
RESTORATION_JOB = f"{V1}/restoration/jobs/{{job_id}}"
CHECKOUT = f"{JOB}/checkout"
RESTORE_HD = f"{RESTORE_ATTEMPT}/hd"
ANIMATION_HD = f"{ANIMATION}/hd"
ALBUMS = f"{V1}/albums"
ALBUM = f"{ALBUMS}/{{album_id}}"
ALBUM_ITEMS = f"{ALBUM}/items"
ALBUM_ITEM = f"{ALBUM_ITEMS}/{{job_id}}"
ALBUM_RESTORE = f"{ALBUM}/restore"
ALBUM_CHECKOUT = f"{ALBUM}/checkout"
ALBUM_ZIP = f"{ALBUM}/hd.zip"
ORDERS = f"{V1}/orders"
ORDER = f"{ORDERS}/{{order_id}}"
CANCEL_ORDER = f"{ORDER}/cancel"
STRIPE_WEBHOOK = f"{V1}/webhooks/stripe"
CHECKOUT_SUCCESS = orders.SUCCESS_PAGE
CHECKOUT_CANCEL = orders.CANCEL_PAGE
SIGN_IN = sign_in.SIGN_IN
SIGN_IN_CALLBACK = sign_in.CALLBACK
SIGN_OUT = sign_in.SIGN_OUT
ACCOUNT = sign_in.ACCOUNT
SESSION = f"{V1}/session"
GRAPHS = f"{V1}/graphs"
API_KEYS = f"{V1}/api-keys"
API_KEY = f"{API_KEYS}/{{key_id}}"
WEBHOOK_ENDPOINTS = f"{V1}/webhook-endpoints"
WEBHOOK_ENDPOINT = f"{WEBHOOK_ENDPOINTS}/{{endpoint_id}}"
ROTATE_WEBHOOK_ENDPOINT = f"{WEBHOOK_ENDPOINT}/rotate"
OPERATOR = f"{V1}/operator"
OPERATOR_API_KEYS = f"{OPERATOR}/api-keys"
OPERATOR_API_KEY = f"{OPERATOR_API_KEYS}/{{key_id}}"
HEALTH_V1 = f"{V1}/health"
HEALTH = "/health"
READY = "/health/ready"
METRICS = "/metrics"
OPENAPI = "/openapi.json"
DOCS = "/docs"
REDOC = "/redoc"
DOCS_ASSETS = "/docs/assets"


def job(job_id: UUID) -> str:
    """One job."""
    return JOB.format(job_id=job_id)


def restore(job_id: UUID) -> str:
    """Where a job is told to restore."""
    return RESTORE.format(job_id=job_id)


def select(job_id: UUID) -> str:
    """Where an attempt of a job is chosen."""
    return SELECT.format(job_id=job_id)


def undelete(job_id: UUID) -> str:
    """Where a deleted job is had back."""
    return UNDELETE.format(job_id=job_id)


def events(job_id: UUID) -> str:
    """The stream of a job's events."""
    return EVENTS.format(job_id=job_id)


def restore_attempt(job_id: UUID, attempt_id: UUID) -> str:
    """One restore attempt of a job."""
    return RESTORE_ATTEMPT.format(job_id=job_id, attempt_id=attempt_id)


def cancel_restore_attempt(job_id: UUID, attempt_id: UUID) -> str:
    """Where a restore attempt is stopped."""
    return CANCEL_RESTORE_ATTEMPT.format(job_id=job_id, attempt_id=attempt_id)


def animate(job_id: UUID) -> str:
    """Where a restoration of a job is told to be animated."""
    return ANIMATE.format(job_id=job_id)


def animation(job_id: UUID, attempt_id: UUID) -> str:
    """One animation of a job."""
    return ANIMATION.format(job_id=job_id, attempt_id=attempt_id)


def cancel_animation(job_id: UUID, attempt_id: UUID) -> str:
    """Where an animation is stopped."""
    return CANCEL_ANIMATION.format(job_id=job_id, attempt_id=attempt_id)


def generation(job_id: UUID, attempt_id: UUID) -> str:
    """One generation of a job."""
    return GENERATION.format(job_id=job_id, attempt_id=attempt_id)


def cancel_generation(job_id: UUID, attempt_id: UUID) -> str:
    """Where a generation is stopped."""
    return CANCEL_GENERATION.format(job_id=job_id, attempt_id=attempt_id)


def task(job_id: UUID) -> str:
    """A job's generation as a task."""
    return TASK.format(job_id=job_id)


def restoration_job(job_id: UUID) -> str:
    """A job that was made and restored in one call."""
    return RESTORATION_JOB.format(job_id=job_id)


def api_key(key_id: UUID) -> str:
    """One of the caller's own API keys."""
    return API_KEY.format(key_id=key_id)


def operator_api_key(key_id: UUID) -> str:
    """Anybody's API key, for operators."""
    return OPERATOR_API_KEY.format(key_id=key_id)


def webhook_endpoint(endpoint_id: UUID) -> str:
    """One of the caller's webhook endpoints."""
    return WEBHOOK_ENDPOINT.format(endpoint_id=endpoint_id)


def rotate_webhook_endpoint(endpoint_id: UUID) -> str:
    """Where an endpoint gets a new secret."""
    return ROTATE_WEBHOOK_ENDPOINT.format(endpoint_id=endpoint_id)


def jobs_page(*, limit: int, cursor: str | None, **wanted: str) -> str:
    """A page of the caller's own jobs, of those that are `wanted`."""
    return _page(JOBS, limit, cursor, **wanted)


def orders_page(*, limit: int, cursor: str | None) -> str:
    """A page of the caller's own orders."""
    return _page(ORDERS, limit, cursor)


def checkout(job_id: UUID) -> str:
    """Where the HD of an attempt of a job is bought."""
    return CHECKOUT.format(job_id=job_id)


def restore_hd(job_id: UUID, attempt_id: UUID) -> str:
    """The HD picture of a restoration."""
    return RESTORE_HD.format(job_id=job_id, attempt_id=attempt_id)


def animation_hd(job_id: UUID, attempt_id: UUID) -> str:
    """The HD clip of an animation."""
    return ANIMATION_HD.format(job_id=job_id, attempt_id=attempt_id)


def album(album_id: UUID) -> str:
    """One album."""
    return ALBUM.format(album_id=album_id)


def album_items(album_id: UUID) -> str:
    """Where photos are put into an album."""
    return ALBUM_ITEMS.format(album_id=album_id)


def album_item(album_id: UUID, job_id: UUID) -> str:
    """A photo in an album."""
    return ALBUM_ITEM.format(album_id=album_id, job_id=job_id)


def album_restore(album_id: UUID) -> str:
    """Where the photos of an album are restored."""
    return ALBUM_RESTORE.format(album_id=album_id)


def album_checkout(album_id: UUID) -> str:
    """Where the HD of an album's photos is bought."""
    return ALBUM_CHECKOUT.format(album_id=album_id)


def album_zip(album_id: UUID) -> str:
    """The HD pictures of an album in one file."""
    return ALBUM_ZIP.format(album_id=album_id)


def albums_page(*, limit: int, cursor: str | None) -> str:
    """A page of the caller's own albums."""
    return _page(ALBUMS, limit, cursor)


def order(order_id: UUID) -> str:
    """One order."""
    return ORDER.format(order_id=order_id)


def cancel_order(order_id: UUID) -> str:
    """Where an order is given up."""
    return CANCEL_ORDER.format(order_id=order_id)


def _page(path: str, limit: int, cursor: str | None, **wanted: str) -> str:
    query = {**wanted, "limit": str(limit)} | ({"cursor": cursor} if cursor else {})
    return f"{path}?{urlencode(query)}"
