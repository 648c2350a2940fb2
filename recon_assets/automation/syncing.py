"""Reports of current answers to Dagster, without what it knows already.

What belongs here: which events are new to Dagster, and in which order they are told. Not here: what they say
(`assets.from_record`), and how they are stored (`resources.dagster_history`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from recon_assets.assets.from_record import events_of
from recon_assets.resources.dagster_history import DagsterHistory, Evaluation
from recon_assets.store.current_answers import AnsweredCheck, CurrentAnswer


@dataclass(frozen=True, slots=True)
class Synced:
    """How many answers were looked at, how many were news, and what was reported of them."""

    answers: int = 0
    news: int = 0
    materialisations: int = 0
    evaluations: int = 0

    def __add__(self, other: "Synced") -> "Synced":
        """Of both."""
        return Synced(
            self.answers + other.answers,
            self.news + other.news,
            self.materialisations + other.materialisations,
            self.evaluations + other.evaluations,
        )

    def __str__(self) -> str:
        """For people."""
        return (
            f"{self.news:,} of {self.answers:,} answers were news, reported by {self.materialisations:,}"
            f" materialisations and {self.evaluations:,} check evaluations"
        )


class Syncing:
    """Reports to the history of `instance`. `archive` is where manifests lie."""

    def __init__(self, instance: dg.DagsterInstance, archive: Path) -> None:
        self._history, self._archive = DagsterHistory(instance), archive

    def report(self, answers: Sequence[tuple[CurrentAnswer, list[AnsweredCheck]]], *, force: bool) -> Synced:
        """Those of one processor, by date. Broken off anywhere, the next call reports the rest.

        Each asset's materialisations go before its checks, which are aimed at them.
        """
        materialisations: defaultdict[dg.AssetKey, list[dg.AssetMaterialization]] = defaultdict(list)
        evaluations: defaultdict[dg.AssetKey, list[Evaluation]] = defaultdict(list)
        for answer, checks in answers:
            for key, (materialisation, of_asset) in events_of(answer, checks, self._archive).items():
                materialisations[key].append(materialisation)
                evaluations[key] += of_asset
        news: set[str] = set()
        told = Synced(answers=len(answers))
        for key in materialisations:
            new = materialisations[key] if force else self._not_materialised(key, materialisations[key])
            self._history.report_materialisations(new)
            found = evaluations[key] if force else self._not_evaluated(evaluations[key])
            self._history.report_evaluations(found)
            news |= {str(event.partition) for event in new} | {evaluation.partition for evaluation in found}
            told += Synced(materialisations=len(new), evaluations=len(found))
        return told + Synced(news=len(news))

    def _not_materialised(
        self, key: dg.AssetKey, events: Sequence[dg.AssetMaterialization]
    ) -> list[dg.AssetMaterialization]:
        known = self._history.materialised(key)
        return [event for event in events if event.partition not in known]

    def _not_evaluated(self, evaluations: Sequence[Evaluation]) -> list[Evaluation]:
        known = self._history.evaluated(
            {evaluation.check for evaluation in evaluations}, {evaluation.partition for evaluation in evaluations}
        )
        return [found for found in evaluations if (found.check, found.partition) not in known]
