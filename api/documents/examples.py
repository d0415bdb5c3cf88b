"""One example of each document, for the API's description: a photo of an afternoon in 1931."""

from typing import Any

_HOST = "https://media.example"
_SIGNED = "X-Amz-Expires=600&X-Amz-Signature=…"
_JOB_ID = "0b8f5c1e-7f0a-4f2b-9c55-2f6a1d3e4b70"
_ATTEMPT_ID = "9d1c7a52-3b1f-4c39-8e0d-5a7b6c2d1f10"
_JOB = f"/api/v1/jobs/{_JOB_ID}"
_ATTEMPT = f"{_JOB}/restores/{_ATTEMPT_ID}"
_ANIMATION_ID = "c2b64f0e-91d7-4e0a-8a55-7d0e3f9b1a26"
_ANIMATION = f"{_JOB}/animations/{_ANIMATION_ID}"
_STAMP = "20260101T120003-5f0e7c1a"
_CLIP_STAMP = "20260101T120102-91c3ab07"
_PREVIEW = f"{_HOST}/restored/{_JOB_ID}/{_STAMP}.jpg?{_SIGNED}"
_ORIGINAL = f"{_HOST}/uploaded/{_JOB_ID}.jpg?{_SIGNED}"

RESTORE: dict[str, Any] = {
    "id": _ATTEMPT_ID,
    "job_id": _JOB_ID,
    "graph": "restore",
    "graph_version": "1",
    "parameters": {
        "denoise": 0.7,
        "megapixels": 1.0,
        "seed": 7,
        "colorize": True,
        "mode": "enhanced",
    },
    "seed": 7,
    "status": "succeeded",
    "stage": None,
    "progress": 1.0,
    "queue_position": None,
    "eta_seconds": None,
    "boot_progress": None,
    "preview_url": _PREVIEW,
    "thumbnail_url": f"{_HOST}/thumbnails/{_JOB_ID}/{_STAMP}.jpg?{_SIGNED}",
    "width": 1184,
    "height": 880,
    "error": None,
    "created_at": "2026-01-01T12:00:03Z",
    "started_at": "2026-01-01T12:00:04Z",
    "finished_at": "2026-01-01T12:00:21Z",
    "engine_seconds": 14.2,
    "links": {
        "self": _ATTEMPT,
        "job": _JOB,
        "events": f"{_JOB}/events",
        "cancel": None,
        "select": f"{_JOB}/select",
    },
}

ANIMATION: dict[str, Any] = {
    "id": _ANIMATION_ID,
    "job_id": _JOB_ID,
    "graph": "animate",
    "graph_version": "1",
    "parameters": {
        "motion": "push_in",
        "prompt": "She smiles; the curtain moves.",
        "seconds": 4,
        "fps": 24,
        "megapixels": 0.86,
        "seed": 11,
    },
    "seed": 11,
    "status": "succeeded",
    "stage": None,
    "progress": 1.0,
    "queue_position": None,
    "eta_seconds": None,
    "boot_progress": None,
    "preview_url": f"{_HOST}/animated/{_JOB_ID}/{_CLIP_STAMP}_preview.mp4?{_SIGNED}",
    "thumbnail_url": f"{_HOST}/thumbnails/{_JOB_ID}/{_CLIP_STAMP}.jpg?{_SIGNED}",
    "width": 1056,
    "height": 800,
    "error": None,
    "created_at": "2026-01-01T12:01:02Z",
    "started_at": "2026-01-01T12:01:03Z",
    "finished_at": "2026-01-01T12:06:40Z",
    "engine_seconds": 330.5,
    "restore_id": _ATTEMPT_ID,
    "seconds": 4.0,
    "fps": 24.0,
    "links": {
        "self": _ANIMATION,
        "job": _JOB,
        "events": f"{_JOB}/events",
        "cancel": None,
    },
}

_GENERATED_JOB_ID = "e4a9c1d2-6b58-4f0d-9a37-1c8e5d7f2b04"
_GENERATED_JOB = f"/api/v1/jobs/{_GENERATED_JOB_ID}"
_GENERATION_ID = "7a2d9e61-0c4b-4d8f-b3a5-f1e6c8d02957"
_GENERATION = f"{_GENERATED_JOB}/generations/{_GENERATION_ID}"
_GENERATED = f"{_HOST}/generated/{_GENERATED_JOB_ID}/20260101T120500-3fd21b90.jpg?{_SIGNED}"

GENERATION: dict[str, Any] = {
    "id": _GENERATION_ID,
    "job_id": _GENERATED_JOB_ID,
    "graph": "generate",
    "graph_version": "1",
    "parameters": {
        "prompt": "A harbour at dawn, fishing boats, a woman with a basket.",
        "style": "watercolour",
        "shape": "landscape",
        "denoise": 1.0,
        "seed": 5,
    },
    "seed": 5,
    "status": "succeeded",
    "stage": None,
    "progress": 1.0,
    "queue_position": None,
    "eta_seconds": None,
    "boot_progress": None,
    "preview_url": _GENERATED,
    "thumbnail_url": _GENERATED.replace("/generated/", "/thumbnails/"),
    "width": 1472,
    "height": 1104,
    "error": None,
    "created_at": "2026-01-01T12:05:00Z",
    "started_at": "2026-01-01T12:05:01Z",
    "finished_at": "2026-01-01T12:06:12Z",
    "engine_seconds": 68.4,
    "links": {
        "self": _GENERATION,
        "job": _GENERATED_JOB,
        "events": f"{_GENERATED_JOB}/events",
        "cancel": None,
    },
}

GENERATE: dict[str, Any] = {
    "mode": "free",
    "prompt": "A harbour at dawn, fishing boats, a woman with a basket.",
    "style": "watercolour",
    "extra_params": {"shape": "landscape", "seed": 5},
}

TASK: dict[str, Any] = {
    "task_id": _GENERATED_JOB_ID,
    "status": "done",
    "image": _GENERATED,
    "error": None,
    "links": {
        "self": f"/api/v1/status/{_GENERATED_JOB_ID}",
        "job": _GENERATED_JOB,
        "events": f"{_GENERATED_JOB}/events",
    },
}

_ORDER_ID = "5b0e2f4c-7d19-4a86-b3c1-8e92a6d4f007"
_ORDER = f"/api/v1/orders/{_ORDER_ID}"

BRIEF_ORDER: dict[str, Any] = {
    "id": _ORDER_ID,
    "attempt_id": _ATTEMPT_ID,
    "product": "hd_image",
    "status": "delivered",
    "hd": "ready",
    "links": {"self": _ORDER},
}

JOB: dict[str, Any] = {
    "id": _JOB_ID,
    "status": "completed",
    "created_at": "2026-01-01T12:00:00Z",
    "updated_at": "2026-01-01T12:00:21Z",
    "expires_at": "2026-01-31T12:00:00Z",
    "photo": {
        "width": 1600,
        "height": 1189,
        "media_type": "image/jpeg",
        "size_bytes": 845123,
        # pragma: allowlist nextline secret
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    },
    "original_url": _ORIGINAL,
    "selected_restore_id": _ATTEMPT_ID,
    "restores": [RESTORE],
    "latest_animation_id": _ANIMATION_ID,
    "animations": [ANIMATION],
    "generations": [],
    "orders": [BRIEF_ORDER],
    "links": {
        "self": _JOB,
        "restore": f"{_JOB}/restore",
        "animate": f"{_JOB}/animate",
        "select": f"{_JOB}/select",
        "checkout": f"{_JOB}/checkout",
        "events": f"{_JOB}/events",
        "delete": _JOB,
    },
}

DELETION: dict[str, Any] = {
    "job_id": _JOB_ID,
    "status": "deleted",
    "deleted_at": "2026-01-02T09:00:00Z",
    "undo_until": "2026-01-03T09:00:00Z",
    "links": {"undo": f"{_JOB}/undelete"},
}

JOB_PAGE: dict[str, Any] = {
    "jobs": [JOB],
    "links": {"self": "/api/v1/jobs?limit=20", "next": None},
}

ACCEPTED_RESTORATION: dict[str, Any] = {
    "job_id": _JOB_ID,
    "status": "pending",
    "links": {
        "self": f"/api/v1/restoration/jobs/{_JOB_ID}",
        "job": _JOB,
        "events": f"{_JOB}/events",
        "attempt": _ATTEMPT,
    },
}

RESTORATION: dict[str, Any] = {
    "id": _JOB_ID,
    "status": "completed",
    "original_image_url": _ORIGINAL,
    "processed_image_url": _PREVIEW,
    "denoise": 0.7,
    "error_message": None,
    "created_at": "2026-01-01T12:00:00Z",
    "updated_at": "2026-01-01T12:00:21Z",
}

_HD = f"{_HOST}/restored/{_JOB_ID}/{_STAMP}_hd.png?{_SIGNED.replace('600', '300')}"

CHECKOUT: dict[str, Any] = {"attempt_id": _ATTEMPT_ID, "currency": "eur"}

ORDER: dict[str, Any] = {
    "id": _ORDER_ID,
    "job_id": _JOB_ID,
    "attempt_id": _ATTEMPT_ID,
    "album_id": None,
    "product": "hd_image",
    "amount": 499,
    "currency": "eur",
    "status": "delivered",
    "checkout_url": None,
    "hd": {
        "state": "ready",
        "progress": 1.0,
        "stage": None,
        "queue_position": None,
        "eta_seconds": None,
        "error": None,
    },
    "hd_url": _HD,
    "items": [],
    "refunds": [],
    "created_at": "2026-01-01T12:02:00Z",
    "paid_at": "2026-01-01T12:03:10Z",
    "delivered_at": "2026-01-01T12:03:31Z",
    "expires_at": None,
    "links": {
        "self": _ORDER,
        "job": _JOB,
        "attempt": _ATTEMPT,
        "events": f"{_JOB}/events",
        "album": None,
        "cancel": None,
        "checkout": None,
        "hd": f"{_ATTEMPT}/hd",
    },
}

ORDER_PAGE: dict[str, Any] = {
    "orders": [ORDER],
    "links": {"self": "/api/v1/orders?limit=20", "next": None},
}

HD: dict[str, Any] = {
    "url": _HD,
    "expires_at": "2026-01-01T12:08:31Z",
    "filename": "rekindle-9d1c7a52-hd.png",
    "order_id": _ORDER_ID,
}

STRIPE_EVENT: dict[str, Any] = {
    "id": "evt_1Q2w3E4r5T6y7U8i",
    "object": "event",
    "type": "checkout.session.completed",
    "created": 1767268990,
    "livemode": False,
    "data": {
        "object": {
            "id": "cs_test_a1b2c3",
            "object": "checkout.session",
            "metadata": {"order_id": _ORDER_ID},
        }
    },
}

RECEIVED: dict[str, Any] = {"received": True}

GRAPHS: dict[str, Any] = {
    "graphs": [
        {
            "name": "restore",
            "purpose": "restore",
            "title": "Restore",
            "description": "Repairs a photo and brings its colours back.",
            "version": "1",
            "is_default": True,
            "modes": ["restore"],
            "typical_seconds": 15.0,
            "parameters": [
                {
                    "name": "denoise",
                    "type": "number",
                    "description": "How far from the photo the result may go.",
                    "default": 0.7,
                    "minimum": 0.0,
                    "maximum": 1.0,
                    "options": None,
                }
            ],
        }
    ]
}

HEALTH: dict[str, Any] = {
    "status": "healthy",
    "gpu_available": True,
    "version": "1.0.0",
    "dependencies": {
        "database": {"status": "up", "milliseconds": 1.2, "code": None},
        "storage": {"status": "up", "milliseconds": 4.5, "code": None},
        "workflows": {"status": "up", "milliseconds": 2.0, "code": None},
        "sign_in": {"status": "up", "milliseconds": 0.1, "code": None},
    },
}

_KEY_ID = "3d7f1c90-54ab-4e2c-8a6d-0f9b2e7c1d84"
_BEGINNING = f"rk_{_KEY_ID.replace('-', '')}"

API_KEY: dict[str, Any] = {
    "id": _KEY_ID,
    "name": "album server",
    "user": "auth0|5f7c8ec7c33c6c004bbafe82",
    "begins_with": _BEGINNING,
    "scopes": [],
    "created_at": "2026-01-01T12:00:00Z",
    "expires_at": "2026-04-01T12:00:00Z",
    "last_used_at": None,
    "revoked_at": None,
    "links": {"revoke": f"/api/v1/api-keys/{_KEY_ID}"},
}

NEW_API_KEY: dict[str, Any] = {**API_KEY, "key": f"{_BEGINNING}_…"}

API_KEYS: dict[str, Any] = {"api_keys": [API_KEY]}

_UPLOAD_ID = "5d0f8a3e-61c7-4b0e-9b1d-0c2f7e4a9d33"

UPLOAD: dict[str, Any] = {
    "id": _UPLOAD_ID,
    "url": _HOST,
    "fields": {
        "Content-Type": "image/jpeg",
        "key": f"incoming/{_UPLOAD_ID}",
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": "…",
        "x-amz-date": "20260101T120000Z",
        "policy": "…",
        "x-amz-signature": "…",
    },
    "expires_at": "2026-01-01T12:10:00Z",
    "max_bytes": 52_428_800,
    "links": {"job": "/api/v1/jobs"},
}

_ENDPOINT_ID = "3b6a1f0c-8d2e-4f57-a1b9-6c4d0e2f7a85"
_ENDPOINT = f"/api/v1/webhook-endpoints/{_ENDPOINT_ID}"

WEBHOOK_ENDPOINT: dict[str, Any] = {
    "id": _ENDPOINT_ID,
    "url": "https://album.example/hooks/rekindle",
    "events": ["attempt.failed", "attempt.succeeded"],
    "status": "enabled",
    "rotated_at": None,
    "created_at": "2026-01-01T12:00:00Z",
    "links": {"self": _ENDPOINT, "rotate": f"{_ENDPOINT}/rotate"},
}

NEW_WEBHOOK_ENDPOINT: dict[str, Any] = {**WEBHOOK_ENDPOINT, "secret": "whsec_…"}

WEBHOOK_ENDPOINTS: dict[str, Any] = {"webhook_endpoints": [WEBHOOK_ENDPOINT]}

_ALBUM_ID = "e4c1a7d2-08b5-4f63-9a2e-71d0c5b8f346"
_ALBUM = f"/api/v1/albums/{_ALBUM_ID}"
_OTHER_ID = "7a2d9e50-c3f4-4b18-8d67-f10e5b92ac03"
_ALBUM_ORDER_ID = "1c8e5f3b-6a70-4d92-b4e1-09d7a2f6c855"
_ALBUM_ORDER = f"/api/v1/orders/{_ALBUM_ORDER_ID}"

NEW_ALBUM: dict[str, Any] = {"title": "Summer of 1931", "job_ids": [_JOB_ID, _OTHER_ID]}

_BRIEF_ALBUM: dict[str, Any] = {
    "id": _ALBUM_ID,
    "title": "Summer of 1931",
    "photos": 2,
    "created_at": "2026-01-01T12:10:00Z",
    "updated_at": "2026-01-01T12:10:00Z",
    "links": {
        "self": _ALBUM,
        "items": f"{_ALBUM}/items",
        "restore": f"{_ALBUM}/restore",
        "checkout": f"{_ALBUM}/checkout",
        "zip": f"{_ALBUM}/hd.zip",
    },
}

_NOTHING_SELECTED: dict[str, Any] = {
    "code": "nothing_selected",
    "message": "The job has no successful restoration yet.",
    "retryable": False,
}

ALBUM: dict[str, Any] = {
    **_BRIEF_ALBUM,
    "items": [
        {
            "job_id": _JOB_ID,
            "width": 1600,
            "height": 1189,
            "restoration": RESTORE,
            "hd": None,
            "problem": None,
            "links": {"self": f"{_ALBUM}/items/{_JOB_ID}", "job": _JOB, "hd": None},
        },
        {
            "job_id": _OTHER_ID,
            "width": 1024,
            "height": 768,
            "restoration": None,
            "hd": None,
            "problem": _NOTHING_SELECTED,
            "links": {
                "self": f"{_ALBUM}/items/{_OTHER_ID}",
                "job": f"/api/v1/jobs/{_OTHER_ID}",
                "hd": None,
            },
        },
    ],
    "offer": {"photos": 1, "amount": 499, "single_amount": 499, "currency": "usd"},
}

ALBUM_PAGE: dict[str, Any] = {
    "albums": [_BRIEF_ALBUM],
    "links": {"self": "/api/v1/albums?limit=20", "next": None},
}

ALBUM_RESTORATIONS: dict[str, Any] = {
    "items": [
        {"job_id": _JOB_ID, "outcome": "has_one", "restoration": None, "problem": None},
        {
            "job_id": _OTHER_ID,
            "outcome": "refused",
            "restoration": None,
            "problem": {
                "code": "workflows_unavailable",
                "message": "The job service is briefly unavailable; please try again.",
                "retryable": True,
            },
        },
    ]
}

ALBUM_ORDER: dict[str, Any] = {
    "order": {
        **ORDER,
        "id": _ALBUM_ORDER_ID,
        "job_id": None,
        "attempt_id": None,
        "album_id": _ALBUM_ID,
        "product": "album",
        "status": "awaiting_payment",
        "checkout_url": "https://checkout.stripe.com/c/pay/cs_test_a1b2c3",
        "hd": {**ORDER["hd"], "state": "waiting", "progress": 0.0},
        "hd_url": None,
        "items": [
            {
                "job_id": _JOB_ID,
                "attempt_id": _ATTEMPT_ID,
                "amount": 499,
                "hd": {**ORDER["hd"], "state": "waiting", "progress": 0.0},
                "hd_url": None,
                "links": {"job": _JOB, "attempt": _ATTEMPT, "hd": None},
            }
        ],
        "paid_at": None,
        "delivered_at": None,
        "expires_at": "2026-01-01T13:12:00Z",
        "links": {
            "self": _ALBUM_ORDER,
            "job": None,
            "attempt": None,
            "events": None,
            "album": _ALBUM,
            "cancel": f"{_ALBUM_ORDER}/cancel",
            "checkout": f"{_ALBUM}/checkout",
            "hd": None,
        },
    },
    "left_out": [{"job_id": _OTHER_ID, "problem": _NOTHING_SELECTED}],
}
