"""Random models of the other tests are valid by construction: a property must not fail, or pass, by luck."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from int8_case import Case
from int8_cases import STRATEGIES

from asc_kit.firmware_gen.read.reader import read_model


@pytest.mark.slow
@pytest.mark.parametrize("op", sorted(STRATEGIES))
def test_two_thousand_models_are_all_taken(op: str) -> None:
    taken = 0

    @settings(
        max_examples=2000,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    @given(STRATEGIES[op])
    def take(case: Case) -> None:
        nonlocal taken
        assert read_model(case.model).operators, case.what
        taken += 1

    take()
    assert taken > 20
