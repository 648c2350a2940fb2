"""Numbers that may be those of a card are not shown."""

import pytest

from recon_assets.domain.masking import masked_cards


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("4111111111111111", "************1111"),
        ('{"pan": "4111 1111 1111 1111", "cvv": "123"}', '{"pan": "**** **** **** 1111", "cvv": "123"}'),
        ("2025-09-29 4111-1111-1111-1111,12.34", "2025-09-29 ****-****-****-1111,12.34"),
        ("378282246310005", "***********0005"),
        ("4222222222222", "*********2222"),
        ("number:4111111111111111;", "number:************1111;"),
        ("a4111111111111111b5500005555555559c", "a************1111b************5559c"),
    ],
)
def test_a_card_number_keeps_its_last_four_digits(text: str, shown: str) -> None:
    assert masked_cards(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4111111111111112",
        "TXN_STRIPE_20250930_0026",
        "2025-09-30T10:00:00Z",
        "424242424242",
        "41111111111111111111",
        "4111.1111.1111.1111",
        "٤١١١١١١١١١١١١١١١",
    ],
)
def test_another_number_is_shown_as_it_is(text: str) -> None:
    assert masked_cards(text) == text
