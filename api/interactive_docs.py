"""Swagger UI and ReDoc, with their assets served from an installed package: no CDN."""

from importlib.resources import files

from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from api import paths

_ICON = f"{paths.DOCS_ASSETS}/favicon.png"


def add_interactive_docs(app: FastAPI) -> None:
    """Serve `/docs` and `/redoc` for an application that serves its description."""
    assets = files("fastapi_offline") / "static"
    app.mount(paths.DOCS_ASSETS, StaticFiles(directory=str(assets)), name="docs assets")

    @app.get(paths.DOCS, include_in_schema=False)
    async def swagger_ui() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=paths.OPENAPI,
            title=app.title,
            swagger_js_url=f"{paths.DOCS_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{paths.DOCS_ASSETS}/swagger-ui.css",
            swagger_favicon_url=_ICON,
        )

    @app.get(paths.REDOC, include_in_schema=False)
    async def redoc() -> HTMLResponse:
        return get_redoc_html(
            openapi_url=paths.OPENAPI,
            title=app.title,
            redoc_js_url=f"{paths.DOCS_ASSETS}/redoc.standalone.js",
            redoc_favicon_url=_ICON,
            with_google_fonts=False,
        )
