"""A checkout page is used as a browser uses it."""

from deploy.cli.checkout_page import CheckoutForm

PAGE = """<!doctype html><form method="post" action="/c/pay/cs_1">
<input name="email" type="email" value="a&amp;b@example.org" readonly>
<input type="checkbox">
<button type="submit" name="how" value="card">Pay</button>
<button type="submit" name="how" value="declined">Try a card that is declined</button>
</form>"""


def test_the_first_button_is_pressed_and_what_was_filled_in_is_sent() -> None:
    form = CheckoutForm.on(PAGE)
    assert form is not None
    assert form.action == "/c/pay/cs_1"
    assert form.fields == {"email": "a&b@example.org", "how": "card"}


def test_a_page_that_can_not_be_paid_has_no_form() -> None:
    assert CheckoutForm.on("<h1>Too late</h1><p>Nothing was paid.</p>") is None
