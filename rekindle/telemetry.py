"""Structured logs: one JSON object a line, with secrets and addresses of people scrubbed."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_SCRUBBED = (
    (re.compile(r"(?i)(bearer\s+)[\w.~+/=-]+"), r"\1***"),
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*"), "***"),
    (re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"), "***"),
    (re.compile(r"(?i)(x-amz-(?:signature|credential|security-token)=)[^&\s\"']+"), r"\1***"),
    (re.compile(r"([?&](?:Signature|Policy)=)[^&\s\"']+"), r"\1***"),
    (re.compile(r"\b(?:sk|rk|whsec|rpa|r8)_[\w]+"), "***"),
    (re.compile(r"(?i)(://[^:/\s@]+:)[^@\s/]+@"), r"\1***@"),
)


def scrub(text: str) -> str:
    """The text without tokens, keys, presigned queries, passwords in URLs and e-mail addresses."""
    for pattern, replacement in _SCRUBBED:
        text = pattern.sub(replacement, text)
    return text


def _scrub_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if not key.startswith("_"):  # structlog's own, such as the record of the standard library
            event[key] = _scrubbed(value)
    return event


def _scrubbed(value: object) -> object:
    """The value as it may be written; whatever is no plain value as its scrubbed text."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return scrub(value)
        case Mapping():
            return {scrub(str(name)): _scrubbed(each) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_scrubbed(each) for each in value]
        case BaseException():
            return scrub(repr(value))
        case _:
            return scrub(str(value))


def configure_logging(level: str, log_format: str) -> None:
    """Send every log line of this process, ours and the libraries', through one scrubbing renderer.

    Args:
        level: a standard level name.
        log_format: `json` or `console`.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _scrub_event,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("httpx", "httpcore", "botocore", "boto3", "urllib3", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
