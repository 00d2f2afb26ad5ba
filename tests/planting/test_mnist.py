"""784-50-10 with ReLU on the logits and a guard, on 100 images with raw grey values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import fastcheck as fc
from fastcheck.datasets import embedded, open_dataset
from fastcheck.datasets.find import find_data
from fastcheck.demo import demos

GREY = 255.0


def planted(dataset: Any, **options: Any) -> fc.SelfTest:
    demo = demos()[1]
    batch = dataset.sample(100, seed=0)
    x, y = GREY * batch.x, batch.y
    params = demo.network.init_params(seed=0, scale=demo.scale)
    loss, grads = demo.backward(params, x, y)
    return fc.selftest(demo.network.objective(x, y), params, grads, loss_value=loss, **options)


def assert_all_are_caught(test: fc.SelfTest) -> None:
    assert test
    assert test.missed == ()
    assert test.result.coverage.n_checked == 39_760
    assert len(test.caught) >= 100
    assert {planted.name for planted in test.of("tolerated")} <= {"in float32", "guard ignored"}


def assert_ten_entries_miss_what_they_must(test: fc.SelfTest) -> None:
    assert not test
    assert test.result.passed
    assert [t.n_checked for t in test.result.tensors.values()] == [10] * 4
    missed = {planted.title: planted.reason for planted in test.missed}
    for name in ("one entry off W1", "one entry zero W1"):
        assert missed[name] == (
            "1 of the 39,200 entries of W1 is wrong, 10 checked; found with probability 0.026 %"
        )
    assert {"doubled", "negated W1", "slope missing a1"}.isdisjoint(missed)
    assert f"the present plan misses {len(missed)}" in test.summary()


@pytest.mark.slow
def test_on_synthetic_images_all_is_caught_and_a_small_sample_misses_some() -> None:
    dataset = open_dataset(embedded("mnist"))
    assert_all_are_caught(planted(dataset, plan="exhaustive"))
    assert_ten_entries_miss_what_they_must(planted(dataset, plan="sample", entries=10))


@pytest.mark.slow
def test_on_real_images_too(data_folder: Path) -> None:
    dataset = find_data("mnist")
    assert not dataset.synthetic
    assert_all_are_caught(planted(dataset, plan="exhaustive"))
    assert_ten_entries_miss_what_they_must(planted(dataset, plan="sample", entries=10))
