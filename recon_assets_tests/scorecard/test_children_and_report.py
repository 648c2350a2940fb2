"""Children that are measured in turn, and a card that neither rounds up nor takes what cannot be said for nothing."""

import json
import sys

from recon_assets_tests.scorecard.children import ChildFailed, Measured, measure
from recon_assets_tests.scorecard.report import markdown
from recon_assets_tests.scorecard.runs import KEYS, OURS, KeyedRun, KeylessRun
from recon_assets_tests.scorecard.scores import PairScores, Score

FIGURES = {"cpu_s": 2.0, "wall_s": 3.0, "peak_mib": 100.0}
PERFECT = Score(found=10_000, right=10_000, true=10_000)


def child(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_a_child_is_asked_as_often_as_said_and_a_failed_one_once() -> None:
    measured = measure(
        {
            "good": child(f"print({json.dumps(FIGURES | {'more': 1})!r})"),
            "rare": child(f"print({json.dumps(FIGURES)!r})"),
            "bad": child("raise SystemExit('there is no such option')"),
        },
        rounds=2,
        less={"rare": 1},
    )

    good, rare, bad = (measured[name] for name in ("good", "rare", "bad"))
    assert isinstance(good, Measured)
    assert (good.cpu_s, good.rounds, good.told["more"]) == (2.0, 2, 1)
    assert isinstance(rare, Measured)
    assert rare.rounds == 1
    assert isinstance(bad, ChildFailed)
    assert str(bad) == "there is no such option"


def test_the_card_dashes_what_a_tool_cannot_say_and_never_rounds_up_to_one() -> None:
    told = {"auto_match_rate": 0.99, "residuals": {"JPY": 0, "USD": 0}}
    ours, limit = Measured(2.0, 3.0, 100.0, 5, told), Measured(0.5, 1.0, 50.0, 5, {})
    keyed = KeyedRun(
        rows=10_000,
        percent=17,
        measured={OURS: ours, KEYS: limit, "broken": ChildFailed("no wheel")},
        scores={OURS: {"matched": PERFECT, "ambiguous": Score(found=10_000, right=9_999, true=9_999)}},
        pairs=PERFECT,
    )
    nothing_confirmed = PairScores(Score(found=0, right=0, true=4), PERFECT, candidates_a_record=2.0)
    keyless = KeylessRun(rows=4, measured={OURS: ours}, scores={OURS: nothing_confirmed})

    text = markdown([keyed], [keyless], peers=[], not_installed={}, machine="A machine.")

    assert "| `ambiguous` | 0.999 / 1 |" in text
    assert "| 10,000 | 17 % | 0.999 | 1 | 1 / 1 | 99.00% | 0, 0 |" in text
    assert f"| {KEYS} | 0.50 | 1.00 | 50 | 0.25 | 5 |" in text
    assert "| broken | failed: no wheel | - | - | - | - |" in text
    assert "| 4 | ours | - | 0.000 | 1 | 2.0 | 2.00 | 3.00 | 100 |" in text
