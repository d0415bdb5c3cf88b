"""Who judges what people ask pictures for."""

from typing import Protocol


class PromptScreening(Protocol):
    """Judges prompts before anything is begun."""

    async def require_allowed(self, prompt: str) -> None:
        """Return when a picture may be made of these words.

        Raises:
            PromptRefused: it may not.
            ScreeningUnavailable: nobody can tell at present; so it may not either.
        """
        ...
