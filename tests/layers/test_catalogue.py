"""Layers from real life: right ones pass, wrong ones fail where they are wrong."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from tests.layers import array_layers, dense_layers
from tests.layers.entry import Entry

ENTRIES = [*dense_layers.ENTRIES, *array_layers.ENTRIES]
FAULTS = [
    pytest.param(entry, fault, id=f"{entry.name}: {fault}")
    for entry in ENTRIES
    for fault in entry.faults
]
each = pytest.mark.parametrize("entry", ENTRIES, ids=[entry.name for entry in ENTRIES])


@each
def test_a_right_layer_passes_with_all_its_tensors(entry: Entry) -> None:
    result = fc.check_layer(**entry.build(""))
    assert result.passed, str(result)
    assert [*result.tensors] == entry.tensors.split()
    assert result.coverage.n_checked == result.coverage.n_entries
    assert "3 random upstream gradients" in result.coverage.statement


@pytest.mark.parametrize(("entry", "fault"), FAULTS)
def test_a_wrong_layer_fails_at_its_address(entry: Entry, fault: str) -> None:
    result = fc.check_layer(**entry.build(fault))
    assert result.verdict == "fail"
    wrong = [name for name, tensor in result.tensors.items() if tensor.verdict == "fail"]
    assert wrong == entry.faults[fault].split()


@each
def test_layers_of_numpy_code_are_traced_and_others_called(entry: Entry) -> None:
    result = fc.check_layer(**entry.build(""))
    if entry.name == "loops over floats":
        assert result.engine == "black box"
        assert result.tensors["x"].digits > 6
    else:
        assert result.engine == "trace"
        assert all(t.digits > 10 for t in result.tensors.values())


@pytest.mark.slow
@each
def test_no_seed_accuses_a_right_layer(entry: Entry) -> None:
    for seed in range(20):
        result = fc.check_layer(**entry.build(""), seed=seed)
        assert result.passed, f"seed {seed}\n{result}"


def test_a_fault_in_one_entry_is_found_there() -> None:
    arguments = array_layers.literal("last entry")
    result = fc.check_layer(**arguments)
    (entry,) = result.tensors["x"].mismatches
    assert entry.address == "x[3, 1]"
    assert entry.analytic == pytest.approx(1.001 * entry.numerical, rel=1e-7)


@each
def test_inputs_and_parameters_come_back_bit_for_bit(entry: Entry) -> None:
    arguments = entry.build("")
    inputs = arguments["inputs"]
    arrays = [a for a in (inputs if isinstance(inputs, tuple) else [inputs]) if a is not None]
    arrays = [a for a in arrays if isinstance(a, np.ndarray)]
    held = vars(arguments["forward"]) if hasattr(arguments["forward"], "forward") else {}
    arrays += [a for a in held.values() if isinstance(a, np.ndarray)]
    arrays += arguments.get("params", {}).values()
    before = [a.tobytes() for a in arrays]
    names = [*held]
    fc.check_layer(**arguments)
    assert [a.tobytes() for a in arrays] == before
    assert [*held] == names
