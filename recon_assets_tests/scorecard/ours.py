"""The child process that matches one generated day by our engine.

    python -m recon_assets_tests.scorecard.ours FOLDER keyed|again|keyless INTO [MEMORY_LIMIT]

`again` is the keyed day when it was concluded before: what the processor restated since is told besides.
Imports are done before the clock starts; the peak is of the whole process.
"""

import sys
from dataclasses import replace
from pathlib import Path

import duckdb  # noqa: F401 - the engine imports it when it is called; its loading is no matching

from recon_assets.matching.engine import match_day
from recon_assets.matching.runner import DuckDB
from recon_assets_tests.scorecard.frames import Frame, GeneratedDay
from recon_assets_tests.scorecard.keyed_day import KEYED_RULES
from recon_assets_tests.scorecard.keyless_day import KEYLESS_RULES
from recon_assets_tests.scorecard.peers.measuring import measured, tell
from recon_assets_tests.scorecard.scores import class_scores, keyed_pairs, keyless_pairs

RULES = {"keyed": KEYED_RULES, "again": KEYED_RULES, "keyless": KEYLESS_RULES}


def main() -> None:
    generated, kind, into = GeneratedDay(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3])
    day = generated.day
    if kind == "again":
        day = replace(day, concluded_transactions=generated.file(Frame.CONCLUDED))
    engine = DuckDB(*sys.argv[4:])
    matching, figures = measured(lambda: match_day(day, RULES[kind], into=into, engine=engine))
    if kind == "keyless":
        pairs = keyless_pairs(generated, matching)
        tell(
            figures,
            confirmed=pairs.confirmed.counts,
            with_suggestions=pairs.with_suggestions.counts,
            candidates_a_record=pairs.candidates_a_record,
        )
        return
    matched = sum(one.processor_records for one in matching.matched_by_pass.values())
    tell(
        figures,
        classes={word: score.counts for word, score in class_scores(generated, matching).items()},
        pairs=keyed_pairs(generated, matching).counts,
        auto_match_rate=matched / matching.processor_transactions,
        residuals={proof.currency: proof.residual_minor for proof in matching.proofs},
    )


main()
