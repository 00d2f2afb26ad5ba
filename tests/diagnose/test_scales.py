"""One constant explains a tensor: of the gradient, of the parameter, of its signs."""

import numpy as np
import pytest

from tests.diagnose.common import DATA, PARAMS, RIGHT, drawn, kinds, nearly, only, said

SIGNS = {name: np.sign(values) for name, values in PARAMS.items()}


@pytest.mark.parametrize(
    ("factor", "kind", "words"),
    [
        (7.0, "sum-for-mean", "7 is the number of samples: the mean over the batch is missing"),
        (1 / 7, "mean-for-sum", "the mean over the batch is taken once too often"),
        (-1.0, "sign", "look for a sign"),
        (2.0, "factor", "or a factor such as the 1/2 of a square is left out"),
        (0.5, "factor", "perhaps a factor such as the 2 of a square is left out"),
        (8.0, "accumulated", "as if 8 calls had been added up"),
        (2 / 7, "factor", "which is 2/7, and 7 is the number of samples"),
        (6 / 7, "factor", "one mean divides by 7, the other by 6"),
        (7 / 6, "factor", "one mean divides by 6, the other by 7"),
        (-7.0, "factor", "look for a sign and for a mean"),
        (42.0, "sum-for-mean", "42 is the number of entries of x"),
        (9.0, "factor", "9 is the length of axis 2 of K: look for a sum over it"),
        (1.37, "factor", "every entry is 1.37 times"),
    ],
)
@pytest.mark.parametrize("names", [("W1",), ("b1", "W2", "b3"), tuple(RIGHT)])
def test_a_factor_is_named_with_its_likely_cause(
    factor: float, kind: str, words: str, names: tuple[str, ...]
) -> None:
    found = only({name: factor * RIGHT[name] for name in names})
    assert (found.kind, found.tensors, found.is_exact) == (kind, names, True)
    assert found.constant == pytest.approx(factor, rel=1e-9)
    assert words in found.message
    wrong = {name: factor * RIGHT[name] for name in names[:-1]}
    wrong[names[-1]] = nearly(factor * RIGHT[names[-1]])
    assert all(names[-1] not in d.tensors for d in said(wrong) if d.kind == kind)


def test_a_mean_over_the_batch_is_mended_where_it_is_missing() -> None:
    def told(factor: float, *names: str) -> str:
        return only({name: factor * RIGHT[name] for name in names}).message

    once = (
        "divide by n (here 7) once, where the backward pass begins with the derivative of the "
        "loss; every entry is then right"
    )
    assert told(7.0, *RIGHT).endswith(once)
    assert told(7.0, "b1", "W2").endswith("divide by n (here 7)")
    assert told(1 / 7, "b1").endswith("sum over the batch instead, as in dz.sum(axis=0)")
    assert told(1 / 7, "W1").endswith("leave out one division by n (here 7)")
    begins = "leave out one division by n (here 7), where the backward pass begins"
    assert told(1 / 7, *RIGHT).endswith(begins)


def test_two_factors_are_two_explanations() -> None:
    found = said({"W1": 2.0 * RIGHT["W1"], "b1": 2.0 * RIGHT["b1"], "W3": -RIGHT["W3"]})
    assert [(d.kind, d.tensors) for d in found] == [("factor", ("W1", "b1")), ("sign", ("W3",))]


def test_a_factor_of_a_length_with_nothing_to_do_with_samples_is_a_factor() -> None:
    found = only({"W1": 5.0 * RIGHT["W1"]})
    assert found.kind == "factor"
    assert "5 is the length of axis 1 of K" in found.message
    found = only({"W1": 0.8 * RIGHT["W1"]})  # 4/5, but not of samples
    assert (found.kind, found.message) == (
        "factor",
        "W1: every entry is 0.8 times the numerical gradient",
    )


def test_one_entry_speaks_for_a_simple_factor_and_not_for_any() -> None:
    right = RIGHT | {"c": np.array([0.6180339])}
    assert only({"c": 7 * right["c"]}, right).kind == "sum-for-mean"
    assert only({"c": -right["c"]}, right).kind == "sign"
    assert only({"c": 1.37 * right["c"]}, right).kind == "unexplained"
    assert only({"c": 7 * right["c"]}, right, bound=1e-6).kind == "unexplained"


def test_entries_of_one_value_speak_once() -> None:
    right = RIGHT | {"c": np.full(9, 0.6180339)}
    assert only({"c": 1.37 * right["c"]}, right).kind == "unexplained"
    assert only({"c": 2.0 * right["c"]}, right).kind == "factor"


@pytest.mark.parametrize("bound", [1e-13, 1e-9, 1e-6])
def test_exactness_is_that_of_the_bounds(bound: float) -> None:
    assert only({"W1": 2 * RIGHT["W1"]}, bound=bound).kind == "factor"
    close = 2 * RIGHT["W1"] + 20 * bound * np.sign(drawn(5)["W1"])
    assert only({"W1": close}, bound=bound).kind == "unexplained"


@pytest.mark.parametrize(
    ("factor", "kind"), [(2.0, "factor"), (-1.0, "sign"), (7.0, "sum-for-mean")]
)
def test_of_a_coarse_loss_only_usual_factors_are_named(factor: float, kind: str) -> None:
    right = {"W": np.sign(RIGHT["W1"]) * (1.0 + 0.1 * np.abs(RIGHT["W1"]))}
    assert only({"W": factor * right["W"]}, right, bound=4e-3).kind == kind
    assert only({"W": 1.37 * right["W"]}, right, bound=4e-3).kind == "unexplained"
    assert only({"W": 1.37 * right["W"]}, right, bound=1e-4).kind == "factor"


def test_the_norm_is_said_to_be_clipped_if_it_is_a_round_number() -> None:
    norm = np.sqrt(sum(float(np.sum(g**2)) for g in RIGHT.values()))
    clipped = {name: g * (5.0 / norm) for name, g in RIGHT.items()}
    found = only(clipped)
    assert found.kind == "clipped-norm"
    assert found.constant == pytest.approx(5.0 / norm)
    assert "is 5:" in found.message
    assert kinds({name: g * (5.0123 / norm) for name, g in RIGHT.items()}) == {"factor"}
    assert kinds({name: g for name, g in clipped.items() if name != "b1"}) == {"factor"}
    right = RIGHT | {"Z": np.zeros((2, 3))}
    assert kinds({name: g * (5.0 / norm) for name, g in RIGHT.items()}, right) == {"clipped-norm"}
    own = RIGHT["W1"] / np.linalg.norm(RIGHT["W1"])
    assert only({"W1": own}).kind == "clipped-norm"


@pytest.mark.parametrize(("kind", "term"), [("weight-decay", PARAMS), ("l1-decay", SIGNS)])
@pytest.mark.parametrize("size", [0.01, -0.01, 0.012345])
def test_a_multiple_of_the_parameter_is_a_regulariser(
    kind: str, term: dict[str, np.ndarray], size: float
) -> None:
    found = only({name: RIGHT[name] + size * term[name] for name in ("W1", "W2", "W3")})
    assert (found.kind, found.tensors) == (kind, ("W1", "W2", "W3"))
    assert found.constant == pytest.approx(size, rel=1e-9)
    assert ("missing" in found.message) == (size < 0)
    other = RIGHT["W1"] + size * nearly(term["W1"], 1e-4)
    assert kinds({"W1": other}) == {"unexplained"}


def test_a_regulariser_on_biases_alone_is_said_to_leave_them_out() -> None:
    found = only({name: RIGHT[name] + 0.1 * PARAMS[name] for name in ("b1", "b2", "b3")})
    assert found.kind == "weight-decay"
    assert "as of biases that it leaves out" in found.message


def test_a_factor_beside_a_regulariser_that_is_right_is_named() -> None:
    decay = {name: 0.1 * PARAMS[name] for name in ("W1", "W3")}
    right = RIGHT | {name: RIGHT[name] + decay[name] for name in decay}
    wrong = {name: 7 * RIGHT[name] + decay[name] for name in decay} | {"b1": 7 * RIGHT["b1"]}
    found = said(wrong, right)
    assert [(d.kind, d.tensors, d.constant) for d in found] == [
        ("sum-for-mean", ("W1", "W3"), 7.0),
        ("sum-for-mean", ("b1",), 7.0),
    ]
    assert "0.1 times the parameter" in found[0].message
    wrong = {name: nearly(7 * RIGHT[name]) + decay[name] for name in decay}
    assert kinds(wrong, right) == {"unexplained"}


def test_a_factor_of_others_is_found_beside_a_regulariser_whatever_it_is() -> None:
    decay = {name: 0.1 * PARAMS[name] for name in ("W1", "W3")}
    right = RIGHT | {name: RIGHT[name] + decay[name] for name in decay}
    wrong = {name: 0.77 * RIGHT[name] + decay[name] for name in decay} | {"b1": 0.77 * RIGHT["b1"]}
    for bound in (1e-13, 1e-9):
        found = said(wrong, right, bound=bound)
        assert [(d.kind, d.tensors) for d in found] == [
            ("factor", ("W1", "W3")),
            ("factor", ("b1",)),
        ]
        assert [d.constant for d in found] == pytest.approx([0.77, 0.77])
        assert "0.1 times the parameter" in found[0].message
    assert kinds({"W1": wrong["W1"]}, right) == {"unexplained"}


def test_a_regulariser_without_data_and_a_parameter_after_a_step_are_named() -> None:
    found = only({"W1": 0.03 * PARAMS["W1"]})
    assert (found.kind, found.constant) == ("only-decay", 0.03)
    found = only({n: PARAMS[n] - 0.01 * RIGHT[n] for n in RIGHT})
    assert (found.kind, found.constant) == ("updated", 0.01)
    assert "after a step of 0.01 against the gradient" in found.message
    assert kinds({"W1": nearly(PARAMS["W1"] - 0.01 * RIGHT["W1"])}) == {"unexplained"}


@pytest.mark.parametrize("size", [1e-6, 1e-8, 1e-10])
def test_small_numbers_are_no_parameters_after_a_step(size: float) -> None:
    """What a huge step leaves of a parameter is rounded as the step is, not as the parameter."""
    right = {name: size * values for name, values in PARAMS.items()}
    wrong = size * drawn(3)["W1"]
    assert kinds({"W1": wrong}, right, bound=1e-12 * size) == {"unexplained"}


@pytest.mark.parametrize("rate", [1e-8, 1e-4, 0.01, 30.0])
def test_a_parameter_after_a_step_is_named_whatever_the_rate(rate: float) -> None:
    found = only({name: PARAMS[name] - rate * RIGHT[name] for name in RIGHT})
    assert (found.kind, found.constant) == ("updated", pytest.approx(rate, rel=1e-3))


def test_without_parameters_nothing_is_said_of_them() -> None:
    wrong = {"W1": RIGHT["W1"] + 0.1 * PARAMS["W1"]}
    assert kinds(wrong, params={}) == {"unexplained"}


def test_of_a_black_box_lengths_of_data_are_those_that_are_known() -> None:
    found = only({"W1": 7 * RIGHT["W1"]}, n_samples=None)
    assert found.kind == "sum-for-mean"
    assert "7 is the length of axis 0 of x: a mean over it is missing" in found.message
    found = only({"W1": 6 / 7 * RIGHT["W1"]}, n_samples=None)
    assert found.message == "W1: every entry is 0.85714 times the numerical gradient"
    assert kinds({"W1": 13 * RIGHT["W1"]}, n_samples=None) == {"factor"}
    assert DATA["x"].shape == (7, 6)
