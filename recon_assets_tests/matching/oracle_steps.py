"""The steps of the rule book in dictionaries and loops: what one step matches, refuses and ties, of the records it sees.

Written from docs/matching.md, "Passes". No engine, no SQL: this is what the stages are held against.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from recon_assets.domain.records import Side
from recon_assets.matching.rule_scores import Scored
from recon_assets.matching.rule_values import KeyColumn, Normaliser, SideFilter
from recon_assets.matching.rules import Pass
from recon_assets_tests.matching.frames import Record

NEAREST_IN_TIME = 8


@dataclass(frozen=True)
class Item:
    """A record and its address: which side, which place in the frame."""

    side: Side
    seq: int
    record: Record


@dataclass(frozen=True)
class Match:
    """What one step put together; `exact` of a group says nothing more than that the sums are equal."""

    rule: Pass
    processor: tuple[Item, ...]
    ledger: tuple[Item, ...]
    is_group: bool = False


Candidates = set[tuple[Item, Item]]


@dataclass
class Found:
    """What a step found. `fates` are the records that no later step sees although nothing matched them."""

    matches: list[tuple[tuple[Item, ...], tuple[Item, ...]]] = field(default_factory=list)
    fates: dict[Item, str] = field(default_factory=dict)
    has_ties: bool = False
    torn: Candidates = field(default_factory=set)
    """Suggested candidates of which the first record is torn between this and another one as good."""


def key_of(item: Item, rule: Pass, columns: Iterable[KeyColumn]) -> tuple[str, ...] | None:
    """The key of a record in a step, None when it takes no part."""
    if not takes(rule, item):
        return None
    parts = []
    for column in columns:
        name = column.processor if item.side is Side.PROCESSOR else column.ledger
        text = getattr(item.record, name)
        for normaliser in column.normalise if text is not None else ():
            text = _normalised(text, normaliser)
        if not text:
            return None
        parts.append(text)
    return tuple(parts)


def takes(rule: Pass, item: Item) -> bool:
    """Whether the record passes the filter of its side."""
    where = rule.where.processor if item.side is Side.PROCESSOR else rule.where.ledger
    for name in SideFilter.model_fields:
        values, value = getattr(where, name), getattr(item.record, name)
        if values is not None and values.is_in is not None and value not in values.is_in:
            return False
        if values is not None and values.not_in is not None and value in values.not_in:
            return False
    return True


def _normalised(text: str, normaliser: Normaliser) -> str:
    affix = normaliser.text or ""
    match normaliser.step:
        case "trim":
            return text.strip("".join({letter for letter in text if unicodedata.category(letter) == "Zs"}))
        case "upper":
            return text.upper()
        case "lower":
            return text.lower()
        case "digits":
            return re.sub("[^0-9]", "", text)
        case "strip_leading_zeros":
            return text.lstrip("0")
        case "strip_prefix":
            return text.removeprefix(affix)
        case _:
            return text.removesuffix(affix)


def _in_order(items: Iterable[Item]) -> list[Item]:
    return sorted(items, key=lambda item: (item.record.instant, item.seq))


def _within(rule: Pass, ours: Item, theirs: Item) -> bool:
    return ours.record.currency == theirs.record.currency and rule.amount.tolerance.accepts(
        processor_minor=ours.record.amount_minor, ledger_minor=theirs.record.amount_minor
    )


def _only_ones(candidates: Candidates) -> Candidates:
    """Pairs of which each is the other's only candidate."""
    of_processor, of_ledger = Counter(ours for ours, _ in candidates), Counter(theirs for _, theirs in candidates)
    return {(ours, theirs) for ours, theirs in candidates if of_processor[ours] == 1 and of_ledger[theirs] == 1}


def _split(items: Iterable[Item]) -> tuple[list[Item], list[Item]]:
    ordered = _in_order(items)
    return [i for i in ordered if i.side is Side.PROCESSOR], [i for i in ordered if i.side is Side.LEDGER]


def by_identity(rule: Pass, records: dict[Item, tuple[str, ...]]) -> Found:
    """Steps of a pass whose differences are reported."""
    found = Found()
    for key in set(records.values()):
        _one_identity(rule, [item for item, its in records.items() if its == key], found)
    return found


def _one_identity(rule: Pass, items: list[Item], found: Found) -> None:
    left, pairs = set(items), set()

    def take(taken: Candidates) -> None:
        pairs.update(taken)
        left.difference_update(item for pair in taken for item in pair)

    alike = defaultdict(list)
    for item in items:
        alike[item.record.currency, item.record.amount_minor, item.record.status].append(item)
    for group in alike.values():
        take(set(zip(*_split(group), strict=False)))
    equal = defaultdict(list)
    for item in list(left):
        equal[item.record.currency, item.record.amount_minor].append(item)
    for group in equal.values():
        ours, theirs = _split(group)
        if len(ours) == len(theirs) == 1:
            take({(ours[0], theirs[0])})
    ours, theirs = _split(left)
    take(_only_ones({(one, other) for one in ours for other in theirs if _within(rule, one, other)}))
    ours, theirs = _split(left)
    if len(ours) == len(theirs) == 1:
        take({(ours[0], theirs[0])})
    elif ours and theirs:
        found.fates |= dict.fromkeys(left, "ambiguous")
    else:
        firsts = [side[0] for side in _split(items) if side]
        found.fates |= {item: "duplicate" for item in left if pairs or item not in firsts}
    found.matches += [((one,), (other,)) for one, other in pairs]


def suggested_by_key(rule: Pass, records: dict[Item, tuple[str, ...]]) -> Candidates:
    """The candidates of a step whose differences are left."""
    ours, theirs = _split(records)
    same = [
        (one, other)
        for one in ours
        for other in theirs
        if records[one] == records[other] and one.record.currency == other.record.currency
    ]
    equal = {(one, other) for one, other in same if one.record.amount_minor == other.record.amount_minor}
    have = {item for pair in equal for item in pair}
    return equal | {pair for pair in same if have.isdisjoint(pair) and _within(rule, *pair)}


def by_suggestion(rule: Pass, records: dict[Item, tuple[str, ...]]) -> Found:
    """Steps of a pass whose differences are left."""
    candidates = suggested_by_key(rule, records)
    matched = _only_ones(candidates)
    return Found(matches=[((one,), (other,)) for one, other in matched], has_ties=candidates != matched)


def by_groups(rule: Pass, records: dict[Item, tuple[str, ...]]) -> Found:
    """One record against the sum of several."""
    single = Side.PROCESSOR if rule.cardinality == "one_to_many" else Side.LEDGER
    assert rule.group_by is not None
    groups = defaultdict(list)
    places: defaultdict[tuple[object, ...], list[list[Item]]] = defaultdict(list)
    for item, key in records.items():
        group = getattr(item.record, rule.group_by)
        if item.side is single:
            places[single, key, item.record.currency, item.record.amount_minor].append([item])
        elif group is not None:
            groups[key, group].append(item)
    for (key, _), several in groups.items():
        currencies = {item.record.currency for item in several}
        if len(currencies) == 1:
            total = sum(item.record.amount_minor for item in several)
            places["several", key, currencies.pop(), total].append(several)
    found = Found()
    for (side, *place), holders in places.items():
        sums = places.get(("several", *place), [])
        if side is single and len(holders) == len(sums) == 1:
            both = (tuple(holders[0]), tuple(sums[0]))
            found.matches.append(both if single is Side.PROCESSOR else both[::-1])
    return found


def by_score(rule: Pass, records: Iterable[Item]) -> Found:
    """A pass without keys."""
    scored = rule.scored
    assert scored is not None
    scores = {
        (ours, theirs): _score(rule, scored, ours, theirs)
        for ours, theirs in _looked_at(scored.amount_band_minor, list(records))
        if abs(ours.record.amount_minor - theirs.record.amount_minor) <= scored.amount_band_minor
    }

    def stands_out(pair: tuple[Item, Item]) -> bool:
        rivals = (max((s for p, s in scores.items() if p != pair and p[i] == pair[i]), default=0) for i in (0, 1))
        return all(scores[pair] - rival >= scored.margin for rival in rivals)

    matched = {
        pair
        for pair, score in scores.items()
        if score >= scored.confirm_from and stands_out(pair) and _within(rule, *pair)
    }
    gone = {item for pair in matched for item in pair}
    suggested = {p: s for p, s in scores.items() if s >= scored.suggest_from and gone.isdisjoint(p)}
    torn = set()
    for item in {item for pair in suggested for item in pair}:
        of_item = {pair: score for pair, score in suggested.items() if item in pair}
        best = [pair for pair, score in of_item.items() if score == max(of_item.values())]
        if len(best) > 1:
            torn |= {pair if pair[0] is item else pair[::-1] for pair in best}
    return Found(matches=[((one,), (other,)) for one, other in matched], torn=torn)


def _looked_at(band_minor: int, records: list[Item]) -> Candidates:
    """Pairs of which either record looks at the other."""
    width, looked = band_minor + 1, set()
    away = 1 if band_minor else 0
    merchants = {item.record.merchant_id for item in records if item.record.merchant_id is not None}
    for band in {item.record.amount_minor // width for item in records if item.side is Side.PROCESSOR}:
        in_band = [
            item
            for item in records
            if abs(item.record.amount_minor // width - band) <= (away if item.side is Side.LEDGER else 0)
        ]
        for currency in {item.record.currency for item in in_band}:
            alike = [item for item in in_band if item.record.currency == currency]
            looked |= _nearest(alike)
            for merchant in merchants:
                looked |= _nearest([item for item in alike if item.record.merchant_id == merchant])
    return looked


def _nearest(items: list[Item]) -> Candidates:
    line = sorted(items, key=lambda item: (item.record.instant, item.side is Side.PROCESSOR, item.seq))
    pairs = set()
    for place, item in enumerate(line):
        before = [other for other in line[:place] if other.side is not item.side][-NEAREST_IN_TIME:]
        after = [other for other in line[place + 1 :] if other.side is not item.side][:NEAREST_IN_TIME]
        pairs |= {(item, other) if item.side is Side.PROCESSOR else (other, item) for other in before + after}
    return pairs


def _score(rule: Pass, scored: Scored, ours: Item, theirs: Item) -> int:
    one, other, worth = ours.record, theirs.record, scored.features
    close = scored.time_close_seconds
    agrees = partial(_agree, one, other)
    holds = {
        "amount_equal": one.amount_minor == other.amount_minor,
        "amount_close": one.amount_minor != other.amount_minor and _within(rule, ours, theirs),
        "time_close": close is not None and abs((one.instant - other.instant).total_seconds()) <= close,
        "merchant_equal": agrees("merchant_id"),
        "reference_equal": agrees("reference_number"),
        "order_equal": agrees("order_id"),
        "movement_equal": agrees("movement"),
    }
    return sum(getattr(worth, name) for name, holding in holds.items() if holding)


def _agree(one: Record, other: Record, name: str) -> bool:
    return getattr(one, name) is not None and getattr(one, name) == getattr(other, name)
