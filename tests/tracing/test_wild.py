"""Networks of other authors, as they are: recorded, verified to the last bit, and left alone."""

import time

import numpy as np
import pytest

from fastcheck.tracing.session import record_closure, record_function
from fastcheck.tracing.verify import LiveLoss, preserved, verify
from tests.tracing.states import assert_unchanged, state_of
from tests.wild.cases import CASES, LARGE, name_of

WITH_FUNCTION = [make for make in CASES if make().functional is not None]


@pytest.mark.parametrize("make", CASES, ids=name_of)
def test_a_closure_is_recorded_and_equals_itself_bit_for_bit(make):
    case = make()
    case.loss()
    before = state_of(case.loss, case.params)
    with preserved(case.loss, case.params):
        recording = record_closure(case.loss, case.params)
        verify(recording, LiveLoss(case.loss, case.params), case.params, np.random.default_rng(0))
    assert list(recording.params) == list(case.params)
    assert_unchanged(before, case.loss, case.params)


@pytest.mark.parametrize("make", WITH_FUNCTION, ids=name_of)
def test_a_function_is_recorded_with_the_leaves_of_its_data(make):
    case = make()
    function, (params, *data) = case.functional
    before = state_of(case.loss, case.params)
    recording = record_function(function, params, tuple(data))
    assert_unchanged(before, case.loss, case.params)
    assert recording.loss({}) == case.loss()
    arrays = [x for x in data if isinstance(x, np.ndarray)]
    assert len(recording.data) == len(arrays)


@pytest.mark.parametrize("name", LARGE)
def test_large_networks_are_recorded_in_a_moment(name):
    case = LARGE[name]()
    case.loss()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        recording = record_closure(case.loss, case.params)
        times.append(time.perf_counter() - start)
    start = time.perf_counter()
    value = case.loss()
    once = time.perf_counter() - start
    assert recording.loss({}) == value
    assert min(times) < 1.0 + 10 * once  # a tenth of that, if nothing else runs
