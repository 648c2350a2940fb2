"""The ageing buckets of the domain are those that the record's view says."""

from recon_assets.domain.trend import AGEING_BUCKETS
from recon_assets_tests.conftest import PROJECT


def test_the_buckets_are_those_of_the_view_in_its_order() -> None:
    view = (PROJECT / "sql" / "views" / "v_open_discrepancies.sql").read_text(encoding="utf-8")
    places = [view.find(f"'{bucket}'") for bucket in AGEING_BUCKETS]
    assert -1 not in places
    assert places == sorted(places)
