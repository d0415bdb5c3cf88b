"""Finds secrets that were written into a file: detect-secrets, over every file or over those named.

A text that only looks like one (an example, a test's own) has `# pragma: allowlist secret` at its
end, or `# pragma: allowlist nextline secret` on a line of its own before it. Files are found by
looking, not by asking git, so it works in an unpacked archive too; the tool itself lists nothing
there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings, transient_settings

_LOOKS_LIKE_A_SECRET = (
    "AWSKeyDetector",
    "Base64HighEntropyString",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "HexHighEntropyString",
    "JwtTokenDetector",
    "KeywordDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "StripeDetector",
)
"""Every secret that a developer or this product holds. Other vendors' shapes triple the time."""

_WITHOUT_NAMES = tuple(name for name in _LOOKS_LIKE_A_SECRET if name != "KeywordDetector")
_SHAPES = tuple(name for name in _LOOKS_LIKE_A_SECRET if "Entropy" not in name)

_MADE = {"requirements.lock", "requirements-uv.txt", "openapi.json"}
"""Hashes of packages; and what is written out from api/, which is scanned."""

_RANDOM_IDS = os.path.join("tests", "replay", "histories", "")
"""Recorded runs are full of random ids: there only the known shapes count."""

_TESTS = os.path.join("tests", "")
"""What is named a secret there is a test's own; what looks like one counts all the same."""

_PASSED_OVER = {"out", "build", "dist", "__pycache__", "node_modules"}
_HIDDEN_BUT_OURS = {".ci", ".github", ".importlinter", ".env.example", ".gitignore"}
_SUFFIXES_OF_PICTURES = (".png", ".jpg", ".webp", ".heic", ".mp4", ".woff2", ".ico")


def main(names: list[str]) -> int:
    """Print where a secret stands.

    Args:
        names: the files, relative to here; every file of the repository when empty.

    Returns:
        1 if there is one, otherwise 0.
    """
    files = names or list(_files("."))
    recorded = {name for name in files if name.startswith(_RANDOM_IDS)}
    tests = {name for name in files if name.startswith(_TESTS)} - recorded
    product = set(files) - tests - recorded
    found = [
        *_found(product, _LOOKS_LIKE_A_SECRET),
        *_found(tests, _WITHOUT_NAMES),
        *_found(recorded, _SHAPES),
    ]
    for place in sorted(found):
        print(place)
    return 1 if found else 0


def _found(files: set[str], plugins: tuple[str, ...]) -> list[str]:
    """Place and kind of everything that looks like a secret, never the text itself."""
    with default_settings() as defaults:
        settings = defaults.json()
    settings["plugins_used"] = [one for one in settings["plugins_used"] if one["name"] in plugins]
    with transient_settings(settings):
        secrets = SecretsCollection()
        secrets.scan_files(*files)
    return [f"{name}:{secret.line_number}: {secret.type}" for name, secret in secrets]


def _files(root: str) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if _is_ours(name)]
        for name in names:
            if _is_ours(name) and name not in _MADE and not name.endswith(_SUFFIXES_OF_PICTURES):
                yield os.path.relpath(os.path.join(folder, name), root)


def _is_ours(name: str) -> bool:
    return name not in _PASSED_OVER and (name[0] != "." or name in _HIDDEN_BUT_OURS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
