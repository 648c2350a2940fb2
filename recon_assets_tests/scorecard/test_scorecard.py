"""The scorecard, small: on a generated day everything is found and nothing else, with ids and without."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.matching.engine import match_day
from recon_assets.matching.rule_values import DayCount, Grace
from recon_assets.schemas.frames import FRAME_SCHEMA
from recon_assets_tests.scorecard.frames import EXPONENTS, Frame, GeneratedDay
from recon_assets_tests.scorecard.keyed_day import HAPPENINGS, KEYED_RULES, OPEN, write_keyed_day
from recon_assets_tests.scorecard.keyless_day import KEYLESS_RULES, write_keyless_day
from recon_assets_tests.scorecard.scores import Score, class_scores, keyed_pairs, keyless_pairs

ROWS = 3_000
LOOK_ALIKES = 2_000
CLASSES = {copy.word for happening in HAPPENINGS for copy in happening} - {OPEN}


@pytest.fixture(scope="module", params=[1, 17])
def keyed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> GeneratedDay:
    return write_keyed_day(tmp_path_factory.mktemp("keyed"), rows=ROWS, discrepancies_percent=request.param)


def test_every_class_of_a_day_is_found_whole_and_alone(keyed: GeneratedDay) -> None:
    day = replace(keyed.day, concluded_transactions=keyed.file(Frame.CONCLUDED))
    matching = match_day(day, KEYED_RULES, into=keyed.folder / "matched")

    scores = class_scores(keyed, matching)
    assert {word: (score.precision, score.recall) for word, score in scores.items()} == dict.fromkeys(
        CLASSES, (1.0, 1.0)
    )
    assert CLASSES - {"matched"} == {word.value for word in DiscrepancyClass if not word.startswith("pending")}
    assert (keyed_pairs(keyed, matching).precision, keyed_pairs(keyed, matching).recall) == (1.0, 1.0)
    assert {proof.currency: proof.residual_minor for proof in matching.proofs} == dict.fromkeys(EXPONENTS, 0)


def test_a_day_of_its_own_finds_nothing_of_before_and_misses_what_the_day_before_has(keyed: GeneratedDay) -> None:
    known = match_day(keyed.day, KEYED_RULES, into=keyed.folder / "known").count_by_class
    alone = match_day(replace(keyed.day, neighbours={}), KEYED_RULES, into=keyed.folder / "alone").count_by_class

    missing = (DiscrepancyClass.MISSING_IN_LEDGER, DiscrepancyClass.MISSING_AT_PROCESSOR)
    came = known[DiscrepancyClass.MATCHED_PRIOR_DAY]
    assert sum(alone[word] for word in missing) == sum(known[word] for word in missing) + came
    assert came > 0
    assert not {DiscrepancyClass.RESTATED, DiscrepancyClass.MATCHED_PRIOR_DAY} & set(alone)
    assert DiscrepancyClass.RESTATED not in known


def test_within_grace_what_is_missing_is_pending(keyed: GeneratedDay) -> None:
    rules = KEYED_RULES.model_copy(update={"grace": Grace(ledger=DayCount(days=2), processor=DayCount(days=1))})
    at_once = match_day(keyed.day, KEYED_RULES, into=keyed.folder / "at-once").count_by_class
    waiting = match_day(keyed.day, rules, into=keyed.folder / "waiting").count_by_class

    assert waiting == {
        {
            DiscrepancyClass.MISSING_IN_LEDGER: DiscrepancyClass.PENDING_IN_LEDGER,
            DiscrepancyClass.MISSING_AT_PROCESSOR: DiscrepancyClass.PENDING_AT_PROCESSOR,
        }.get(word, word): count
        for word, count in at_once.items()
    }


def test_look_alikes_without_ids_are_confirmed_only_when_sure_and_else_suggested(tmp_path: Path) -> None:
    generated = write_keyless_day(tmp_path, rows=LOOK_ALIKES)

    pairs = keyless_pairs(generated, match_day(generated.day, KEYLESS_RULES, into=tmp_path / "matched"))

    assert (pairs.confirmed.precision or 0) >= 0.995
    assert (pairs.with_suggestions.recall or 0) >= 0.99
    assert (pairs.confirmed.recall or 0) >= 0.4, "half of the records stand apart from all others"
    assert pairs.candidates_a_record < 6, "a suggestion is a choice of few"


def test_the_same_seed_gives_the_same_files_and_another_one_others(tmp_path: Path) -> None:
    first, again, other = (
        write_keyed_day(tmp_path / name, rows=ROWS, discrepancies_percent=1, seed=seed)
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )

    frame = first.day.transactions
    assert frame.read_bytes() == again.day.transactions.read_bytes() != other.day.transactions.read_bytes()
    assert pq.read_schema(frame).equals(FRAME_SCHEMA)


def test_what_is_found_wrongly_or_not_at_all_lowers_the_scores(tmp_path: Path) -> None:
    generated = write_keyed_day(tmp_path, rows=ROWS, discrepancies_percent=17)
    exact = KEYED_RULES.model_copy(update={"passes": KEYED_RULES.passes[1:]})

    scores = class_scores(generated, match_day(generated.day, exact, into=tmp_path / "matched"))

    assert scores["amount_mismatch"] == Score(found=0, right=0, true=scores["amount_mismatch"].true)
    assert (scores["amount_mismatch"].precision, scores["amount_mismatch"].recall) == (None, 0.0)
    assert (scores["missing_in_ledger"].precision or 1) < 0.5
