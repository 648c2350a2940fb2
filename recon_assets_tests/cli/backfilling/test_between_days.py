"""Ctrl-C during a day: the day goes on, it is told, and then it is asked for."""

import os
import signal
import threading

import pytest

from recon_assets.cli.backfilling.between_days import interruption

PATIENCE_S = 30


def test_ctrl_c_is_told_while_the_work_goes_on_and_the_work_gives_its_result() -> None:
    told = threading.Event()

    def day() -> tuple[str, bool]:
        os.kill(os.getpid(), signal.SIGINT)
        return threading.current_thread().name, told.wait(PATIENCE_S)

    before = signal.getsignal(signal.SIGINT)
    with interruption(told.set) as interrupted:
        assert not interrupted.asked
        name, was_told = interrupted.undisturbed(day)
        assert (name != threading.main_thread().name, was_told, interrupted.asked) == (True, True, True)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL, "a second one ends the process"
    assert signal.getsignal(signal.SIGINT) is before


def test_what_the_work_raises_is_raised() -> None:
    def day() -> None:
        raise LookupError("the database went away")

    with interruption(lambda: None) as interrupted, pytest.raises(LookupError, match="went away"):
        interrupted.undisturbed(day)
