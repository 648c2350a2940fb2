"""Children that are measured in turn, and a card that neither rounds up nor takes what cannot be said for nothing."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from recon_assets_tests.scorecard.__main__ import sizes_of
from recon_assets_tests.scorecard.charts import CLASSES, MEMORY, SECONDS, write_charts
from recon_assets_tests.scorecard.children import ChildFailed, Measured, measure
from recon_assets_tests.scorecard.report import markdown
from recon_assets_tests.scorecard.runs import AGAIN, KEYS, OURS, KeyedRun, KeylessRun
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


def run_of(measured: dict[str, Measured | ChildFailed], *, rows: int = 10_000, percent: int = 17) -> KeyedRun:
    return KeyedRun(
        rows=rows,
        percent=percent,
        measured=measured,
        scores={OURS: {"matched": PERFECT, "ambiguous": Score(found=10_000, right=9_999, true=9_999)}},
        pairs=PERFECT,
    )


def test_the_card_dashes_what_a_tool_cannot_say_and_never_rounds_up_to_one() -> None:
    told = {"auto_match_rate": 0.99, "residuals": {"JPY": 0, "USD": 0}}
    ours, limit = Measured((1.0, 2.0, 8.0), 3.0, 100.0, told), Measured((0.5, 0.6, 4.0), 1.0, 50.0, {})
    keyed = run_of({OURS: ours, AGAIN: ours, KEYS: limit, "broken": ChildFailed("no wheel")})
    nothing_confirmed = PairScores(Score(found=0, right=0, true=4), PERFECT, candidates_a_record=2.0)
    keyless = KeylessRun(rows=4, measured={OURS: ours}, scores={OURS: nothing_confirmed})

    text = markdown([keyed], [keyless], peers=[], not_installed={}, machine="A machine.", images="pictures")

    assert "| `ambiguous` | 0.999 / 1 |" in text
    assert "| 10,000 | 17 % | 0.999 | 1 | 1 / 1 | 99.00% | 0, 0 |" in text
    assert f"| {KEYS} | 0.60 | 1.00 | 50 | 0.50 | 3 |" in text, "of 0.5, 0.3 and 0.5, each of one round"
    assert "| broken | failed: no wheel | - | - | - | - |" in text
    assert "](pictures/scorecard-seconds.svg)" in text
    assert "| 4 | ours | - | 0.000 | 1 | 2.0 | 2.00 | 3.00 | 100 |" in text


def test_the_charts_name_every_tool_and_size_and_are_the_same_bytes_again(tmp_path: Path) -> None:
    ours, peer = Measured((2.0,) * 5, 3.0, 100.0, {}), Measured((9.0,), 9.0, 900.0, {})
    runs = [
        run_of({OURS: ours, AGAIN: ours, KEYS: peer, "a peer": peer, "broken": ChildFailed("no wheel")}),
        run_of({OURS: ours, AGAIN: ours, KEYS: peer}, rows=1_000_000),
        run_of({OURS: ours, AGAIN: ours, KEYS: peer}, percent=1),
    ]

    write_charts(runs, tmp_path / "once")
    write_charts(runs, tmp_path / "again")

    for name in (SECONDS, MEMORY, CLASSES):
        drawn = (tmp_path / "once" / name).read_bytes()
        assert drawn == (tmp_path / "again" / name).read_bytes()
        words = {
            "".join(text.itertext()).strip() for text in ElementTree.fromstring(drawn).iter() if "text" in text.tag
        }
        if name == CLASSES:
            assert {"ambiguous", "matched", "0.99", "1"} <= words, "not rounded up to 1"
        else:
            assert {"ours", "a peer", "10k", "1M", "17 % discrepancies", "1 % discrepancies"} <= words
            assert "broken" not in words


def test_sizes_are_said_in_thousands_and_millions() -> None:
    assert sizes_of("10k,1M,2500") == [10_000, 1_000_000, 2_500]
    with pytest.raises(ValueError, match="invalid literal"):
        sizes_of("10G")
