"""Takes secrets out of what a vendor says before it becomes an error or a log line."""

import json
import re
from collections.abc import Iterable

_SHORT = 6
"""A secret as short as this is only taken out as a whole word: a 1 is in many of them."""


def without(secrets: Iterable[str], text: str) -> str:
    """The text with every secret blotted out, as it is and as JSON would write it."""
    forms = {form for secret in secrets for form in (secret, json.dumps(secret)[1:-1]) if form}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) > _SHORT:
            text = text.replace(form, "***")
        else:
            text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "***", text)
    return text
