"""Deleting what is left of uploads that nobody made a job of: a part of the sweep."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from temporalio import activity

from activities.failures import as_failures
from rekindle.contracts import keys
from rekindle.contracts.uploads import ClearedUploads, ClearUploads
from rekindle.ports.objects import FoundObject, ObjectStore
from rekindle.store import sweep, uploads
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)
MOST = 200
"""Uploads of one run, and multipart uploads; the next one goes on."""
PAGE = 1000
"""Objects that one run looks at; the next one goes on behind them."""


class UploadActivities:
    """Keeps the bucket free of photos that no job has. Idempotent, and bounded in each run."""

    def __init__(
        self, *, database: Database, objects: ObjectStore, abandoned_hours: float, page: int = PAGE
    ) -> None:
        """Work through these ports.

        Args:
            abandoned_hours: so long after it began an upload of any kind is over, hours.
            page: objects that one run looks at.
        """
        self._database = database
        self._objects = objects
        self._age = timedelta(hours=abandoned_hours)
        self._page = page

    @activity.defn
    async def clear_uploads(self, ask: ClearUploads) -> ClearedUploads:
        """Forget old uploads, and delete photos and parts that nobody waits for."""
        with as_failures():
            async with self._database.transaction() as session:
                now = await sweep.now(session)
                # The rows go first, so that no job can be made of what is about to be deleted. A
                # photo whose row is gone, should this end here, is a stray.
                old = await uploads.forget_old(session, older_than=self._age, most=MOST)
            await self._objects.delete(*map(keys.incoming, old))
            found = await self._objects.find(
                keys.INCOMING, after=ask.incoming_after, most=self._page
            )
            strays = await self._strays(found, before=now - self._age)
            await self._objects.delete(*strays)
            aborted = await self._objects.abort_multipart(begun_before=now - self._age, most=MOST)
            if strays or aborted:
                _LOG.info("stray_uploads_cleared", photos=len(strays), multipart=aborted)
            return ClearedUploads(
                forgotten=len(old),
                strays=len(strays),
                aborted=aborted,
                incoming_after=found[-1].key if len(found) == self._page else None,
            )

    async def _strays(self, found: Sequence[FoundObject], *, before: datetime) -> list[str]:
        """Keys of the old ones that no upload waits for."""
        old = {each.key: keys.upload_of(each.key) for each in found if each.changed_at < before}
        ids = [upload_id for upload_id in old.values() if upload_id is not None]
        if not old:
            return []
        async with self._database.transaction() as session:
            waiting = await uploads.waiting(session, ids)
        return [key for key, upload_id in old.items() if upload_id not in waiting]
