"""One look at a place at a time: what comes back, what does not, and that nothing is begun twice."""

from collections.abc import Iterator
from itertools import count
from threading import Event

import pytest

from recon_assets.automation.looking import Look
from recon_assets.domain.errors import FeedRefused, FeedUnavailable


class HangingPlace:
    """Answers when it is let go; counts how often it was asked."""

    def __init__(self) -> None:
        self.may_answer, self.has_answered, self.asked = Event(), Event(), 0

    def __call__(self) -> str:
        self.asked += 1
        self.may_answer.wait(60)
        self.has_answered.set()
        return f"answer {self.asked}"


@pytest.fixture
def place() -> Iterator[HangingPlace]:
    hanging = HangingPlace()
    yield hanging
    hanging.may_answer.set()


def test_what_a_look_finds_or_raises_is_handed_on_and_the_next_look_is_a_new_one() -> None:
    numbers = count(1)
    look = Look[int](patience_s=60)
    assert [look.at(lambda: next(numbers), where="there") for _ in range(3)] == [1, 2, 3]

    def refused() -> int:
        raise FeedRefused("no", where="there", remedy="Ask.")

    with pytest.raises(FeedRefused):
        look.at(refused, where="there")
    assert look.at(lambda: next(numbers), where="there") == 4


def test_a_place_that_hangs_is_unavailable_and_is_not_asked_again_while_it_is_waited_for(place: HangingPlace) -> None:
    look = Look[str](patience_s=0.01)
    for _ in range(3):
        with pytest.raises(FeedUnavailable, match=r"no answer within 0\.01 s \(sftp://there\)"):
            look.at(place, where="sftp://there")
    assert place.asked == 1


def test_an_answer_that_comes_later_is_used_by_the_next_tick(place: HangingPlace) -> None:
    look = Look[str](patience_s=0.01)
    with pytest.raises(FeedUnavailable):
        look.at(place, where="there")
    place.may_answer.set()
    assert place.has_answered.wait(60)
    answers = list[str]()
    while not answers:
        try:
            answers.append(look.at(place, where="there"))
        except FeedUnavailable:
            assert place.asked == 1
    assert answers == ["answer 1"]
    assert Look[str](patience_s=60).at(place, where="there") == "answer 2"
