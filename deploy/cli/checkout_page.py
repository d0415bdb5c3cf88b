"""A checkout page, used as a person uses it: fetched, filled in, its button pressed."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from deploy.cli.failures import PaymentFailed, Unreachable

_SECONDS = 60.0


def pay_on_page(url: str) -> str:
    """Pay on the simulator's page with its first button, and go where it leads.

    Args:
        url: of the page.

    Returns:
        The address that the browser comes back to.

    Raises:
        PaymentFailed: the page took no payment.
        Unreachable: nobody answers, or what answers is no such page.
    """
    try:
        with httpx.Client(timeout=_SECONDS, follow_redirects=True) as browser:
            page = browser.get(url)
            form = CheckoutForm.on(page.text)
            if not page.is_success or form is None:
                raise PaymentFailed("The checkout page has no form to pay with.")
            answer = browser.post(urljoin(url, form.action), data=form.fields)
    except httpx.HTTPError as error:
        raise Unreachable(f"The checkout page does not answer: {error}") from error
    if not answer.is_success or not answer.history:
        raise PaymentFailed("The checkout page did not take the payment.")
    return str(answer.url)


class CheckoutForm(HTMLParser):
    """The first form of a page.

    Attributes:
        action: where it is sent, as it says.
        fields: what its first button sends.
    """

    def __init__(self) -> None:
        """Expect a page."""
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._is_pressed = False

    @classmethod
    def on(cls, page: str) -> "CheckoutForm | None":
        """The form of a page; None without one."""
        form = cls()
        form.feed(page)
        form.close()
        return form if form.action else None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what belongs to the form."""
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = self.action or told.get("action", "")
        elif tag == "input" and "name" in told:
            self.fields[told["name"]] = told.get("value", "")
        elif tag == "button" and "name" in told and not self._is_pressed:
            self._is_pressed = True
            self.fields[told["name"]] = told.get("value", "")
