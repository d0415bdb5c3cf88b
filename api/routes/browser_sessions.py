"""Who is calling: what a page asks first."""

from fastapi import Request

from api import paths
from api.dependencies import AppSettings
from api.documents.browser_sessions import SessionDocument, session_document
from api.identity import CurrentPrincipal, guarded_router
from api.problems import guarded_problems

router = guarded_router("session")


@router.get(paths.SESSION, responses=guarded_problems())
async def get_session(
    principal: CurrentPrincipal, request: Request, settings: AppSettings
) -> SessionDocument:
    """Who you are. With a cookie, also what your pages send along when they change something."""
    found = getattr(request.state, "browser_session", None)
    return session_document(principal, found, settings)
