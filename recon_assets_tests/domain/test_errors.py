"""An error says what happened, where, and what to do, and whether to try again."""

import re

import pytest

from recon_assets.domain import errors
from recon_assets.domain.errors import (
    ChannelUnavailable,
    FeedUnavailable,
    PermanentError,
    ReconError,
    StoreRefused,
    TransientError,
)

KINDS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}


def test_an_error_is_a_sentence_with_its_place_and_its_remedy() -> None:
    error = StoreRefused("the migration was changed", where="sql/migrations/0001.sql", remedy="Restore the file.")

    assert str(error) == "the migration was changed (sql/migrations/0001.sql). Restore the file."
    assert (error.what, error.where, error.remedy) == error.args


@pytest.mark.parametrize("retry_after_s", [None, 30.0])
def test_a_feed_that_did_not_answer_may_have_said_how_long_to_wait(retry_after_s: float | None) -> None:
    error = FeedUnavailable("no answer", where="stripe", remedy="Wait.", retry_after_s=retry_after_s)

    assert error.retry_after_s == retry_after_s
    assert str(error) == "no answer (stripe). Wait."


def test_a_channel_says_whether_only_this_receiver_waits_and_whether_the_message_may_have_arrived() -> None:
    plainly = ChannelUnavailable("no answer", where="SMTP_SERVER", remedy="Wait.")
    lost = ChannelUnavailable("the answer got lost", where="SMTP_SERVER", remedy="Wait.", may_have_arrived=True)

    assert (plainly.is_of_receiver, plainly.may_have_arrived) == (False, False)
    assert (lost.is_of_receiver, lost.may_have_arrived) == (False, True)


def test_every_kind_is_in_the_drawn_tree_and_is_either_worth_another_try_or_not() -> None:
    drawn = re.findall(r"^    [│├└─ ]*([A-Z]\w+)", errors.__doc__ or "", flags=re.MULTILINE)

    assert set(drawn) == set(KINDS)
    leaves = [kind for kind in KINDS.values() if kind is not ReconError]
    assert all(issubclass(kind, TransientError) != issubclass(kind, PermanentError) for kind in leaves)
