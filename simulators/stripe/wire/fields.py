"""Reading parameters one by one; what nobody reads is an unknown parameter."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from simulators.stripe.account.refusal import Refusal
from simulators.stripe.wire.forms import Node

_MOST_KEYS, _LONGEST_KEY, _LONGEST_VALUE = 50, 40, 500  # docs.stripe.com/api/metadata


class Fields:
    """A group of parameters.

    Args:
        values: The group, as ``forms.decode`` makes it.
        path: Name of the group; empty for the outermost.
    """

    def __init__(self, values: Mapping[str, Node], path: str = "") -> None:
        self._left = dict(values)
        self._path = path
        self._groups: list[Fields] = []

    def name(self, word: str) -> str:
        """The full name of a parameter, such as ``line_items[0][quantity]``."""
        return f"{self._path}[{word}]" if self._path else word

    def is_text(self, word: str) -> bool:
        """Whether the parameter was sent as one value, and not read yet."""
        return isinstance(self._left.get(word), str)

    def text(
        self, word: str, *, most: int = 5_000, choices: Collection[str] | None = None
    ) -> str | None:
        """A text, or None if it was left out.

        Raises:
            Refusal: A group, empty, too long, or none of the choices.
        """
        value = self._left.pop(word, None)
        if value is None:
            return None
        if isinstance(value, dict):
            raise self._invalid("string", word, value)
        if not value:
            message = (
                f"You passed an empty string for '{self.name(word)}'. We assume empty values are "
                "an attempt to unset a parameter; however it cannot be unset."
            )
            raise Refusal(message, code="parameter_invalid_empty", param=self.name(word))
        if len(value) > most:
            message = f"Invalid string: it must be at most {most} characters"
            raise Refusal(message, code="parameter_invalid_string", param=self.name(word))
        if choices is not None and value not in choices:
            message = f"Invalid {self.name(word)}: must be one of {', '.join(sorted(choices))}"
            raise Refusal(message, param=self.name(word))
        return value

    def need_text(
        self, word: str, *, most: int = 5_000, choices: Collection[str] | None = None
    ) -> str:
        """A text that must be there."""
        value = self.text(word, most=most, choices=choices)
        if value is None:
            raise self.missing(word)
        return value

    def whole(self, word: str) -> int | None:
        """A whole number, or None if it was left out."""
        value = self.text(word)
        if value is None:
            return None
        try:
            return int(value)
        except ValueError:
            raise self._invalid("integer", word, value) from None

    def need_whole(self, word: str) -> int:
        """A whole number that must be there."""
        value = self.whole(word)
        if value is None:
            raise self.missing(word)
        return value

    def truth(self, word: str) -> bool | None:
        """True or false, or None if it was left out."""
        value = self.text(word)
        if value not in (None, "true", "false"):
            raise self._invalid("boolean", word, value)
        return None if value is None else value == "true"

    def group(self, word: str) -> Fields:
        """A group of further parameters; empty if it was left out."""
        value = self._left.pop(word, {})
        if isinstance(value, str):
            raise self._invalid("object", word, value)
        return self._inner(value, self.name(word))

    def groups(self, word: str) -> list[Fields]:
        """A list of groups."""
        return [self._inner(self._as_group(word, v), n) for n, v in self._listed(word)]

    def texts(self, word: str, choices: Collection[str] | None = None) -> list[str]:
        """A list of texts; one text alone is a list of one."""
        if self.is_text(word):
            return [self.need_text(word, choices=choices)]
        inner = Fields(dict(self._listed(word)))
        return [inner.need_text(name, choices=choices) for name in list(inner._left)]

    def metadata(self, word: str = "metadata") -> dict[str, str]:
        """Key-value pairs within the documented limits; an empty value is left out."""
        value = self._left.pop(word, {})
        if isinstance(value, str):
            if not value:
                return {}
            raise self._invalid("object", word, value)
        if len(value) > _MOST_KEYS:
            message = f"You can have at most {_MOST_KEYS} metadata keys."
            raise Refusal(message, param=self.name(word))
        kept = {}
        for key, text in value.items():
            if isinstance(text, dict) or len(key) > _LONGEST_KEY or len(text) > _LONGEST_VALUE:
                message = (
                    f"Metadata keys have at most {_LONGEST_KEY} characters, "
                    f"values are texts of at most {_LONGEST_VALUE}."
                )
                raise Refusal(message, param=f"{self.name(word)}[{key[:_LONGEST_KEY]}]")
            if text:
                kept[key] = text
        return kept

    def missing(self, word: str) -> Refusal:
        """The refusal for a parameter that was left out."""
        name = self.name(word)
        return Refusal(f"Missing required param: {name}.", code="parameter_missing", param=name)

    def done(self) -> None:
        """Refuse what nobody has read.

        Raises:
            Refusal: There is an unknown parameter.
        """
        for word in self._left:
            name = self.name(word)
            message = f"Received unknown parameter: {name}"
            raise Refusal(message, code="parameter_unknown", param=name)
        for group in self._groups:
            group.done()

    def _inner(self, values: Mapping[str, Node], path: str) -> Fields:
        group = Fields(values, path)
        self._groups.append(group)
        return group

    def _listed(self, word: str) -> list[tuple[str, Node]]:
        """Full names and values of a list's members, in the order of their indexes."""
        value = self._left.pop(word, {})
        if isinstance(value, str) or not all(index.isdecimal() for index in value):
            raise self._invalid("array", word, value)
        ordered = sorted(value.items(), key=lambda pair: int(pair[0]))
        return [(f"{self.name(word)}[{index}]", inner) for index, inner in ordered]

    def _as_group(self, word: str, value: Node) -> Mapping[str, Node]:
        if isinstance(value, str):
            raise self._invalid("object", word, value)
        return value

    def _invalid(self, what: str, word: str, value: object) -> Refusal:
        shown = value if isinstance(value, str) else "a group of parameters"
        message = f"Invalid {what}: {str(shown)[:100]}"
        code = "parameter_invalid_integer" if what == "integer" else None
        return Refusal(message, code=code, param=self.name(word))
