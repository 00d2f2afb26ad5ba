"""What is compared is what it says it is: each peer passes and fails where its own rule says."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.measure import NotEqualError
from benchmarks.peers import exact, recipes, rules, side_by_side
from benchmarks.peers.command import QUICK, main
from benchmarks.peers.dialects import NUMPY, Net
from benchmarks.peers.peer import every, remembered
from benchmarks.peers.planting import TEN, ten, with_wrong
from benchmarks.peers.problem import Problem, drawn
from benchmarks.peers.roster import BY_NAME, KINDS, OURS, Kind
from benchmarks.peers.side_by_side import Effort, compared, measured, worst_error
from benchmarks.peers.text import side_table
from tests.conftest import FreshPython
from tests.graph import mp_networks

NETS = {
    "sigmoid": Net((5, 4, 3, 1), "tanh", "sigmoid"),
    "softmax": Net((5, 4, 3), "tanh", l2=0.02),
    "relu softmax": Net((5, 4, 3), "relu", "relu softmax", guard=1e-3),
}
EFFORT = Effort(rounds=2, longest=60.0, shortest=0.0)
DIRECT = [kind for kind in KINDS if kind.package != "jax"]
ROWS = [pytest.param(kind, id=kind.name) for kind in DIRECT]
SLICED = [
    pytest.param(kind, id=kind.name)
    for kind in DIRECT
    if kind.has_entries and not kind.place.startswith("ours:")  # which looks at all
]
EDGES = {
    "fastcheck": (2e-6, 1e-4), "traced": (2e-6, 1e-4), "torch-slow": (5e-4, 5e-3),
    "scipy-check-derivative": (1e-7, 1e-4), "numdifftools": (5e-6, 5e-5), "plain": (1e-6, 1e-3),
    "relative": (1e-4, 4e-4), "relative-strict": (1e-7, 1e-6), "pytensor": (1e-4, 1e-2),
    "scipy-check-grad": (1e-6, 1e-3), "norm-ratio": (1e-8, 1e-5), "published": (1e-8, 1e-5),
    "jax-loss": (2e-6, 1e-3), "jax-loop": (2e-6, 1e-3), "jax-vmap": (2e-6, 1e-3),
}  # fmt: skip
"""By what part of the largest derivative one may be wrong, and may not be, for each peer."""


def problem_for(kind: Kind) -> Problem:
    """Return a network that this peer is for."""
    return drawn(NETS[kind.outputs[0] if kind.outputs else "softmax"], n_batch=6, seed=1)


def asked(kind: Kind, problem: Problem, entries: Any = None) -> Any:
    """Return the peer, or skip the test."""
    if not kind.is_installed:
        pytest.skip(f"{kind.package} is not installed")
    return kind.make(problem, entries)


def changed(problem: Problem, name: str, share: float) -> dict[str, np.ndarray]:
    """Return the right gradient but for the largest entry of a tensor."""
    wrong = {n: g.copy() for n, g in problem.right.items()}
    flat = wrong[name].reshape(-1)
    place = np.abs(flat).argmax()
    flat[place] *= 1.0 + share
    return wrong


# ------------------------------------------------------------ what each says


def right_and_wrong(kind: Kind) -> None:
    """Assert that a peer passes the right gradient, and none of two wrong ones."""
    problem = problem_for(kind)
    peer = asked(kind, problem)
    wrong = problem.right | {"W2": -problem.right["W2"]}
    empty = problem.right | {"b1": np.zeros_like(problem.right["b1"])}
    found = [
        ask(grads) for grads in (problem.right, wrong, empty) for ask in (peer.check, peer.judge)
    ]
    assert found == [True, True, False, False, False, False]
    assert [peer.verdict(g) for g in (problem.right, wrong)] == ["pass", "fail"]
    if kind.has_entries:
        assert 0.0 < worst_error(peer, problem.truth) < 1e-3
        passing, failing = EDGES[kind.name]
        for share, passes in ((passing, True), (failing, False), (np.nan, False)):
            some = changed(problem, "W1", share)
            assert [peer.judge(some), peer.check(some)] == [passes, passes]


@pytest.mark.parametrize("kind", ROWS)
def test_a_peer_passes_the_right_gradient_and_fails_wrong_ones_at_its_own_edge(kind: Kind) -> None:
    right_and_wrong(kind)


@pytest.mark.parametrize(
    "names",
    [
        ["jax-loss", "jax-check-grads"],
        pytest.param(["jax-loop", "jax-vmap", "jax-check-grads-32"], marks=pytest.mark.slow),
    ],
    ids="+".join,
)
def test_peers_in_jax_pass_the_right_gradient_and_fail_wrong_ones(
    names: list[str], fresh_python: FreshPython
) -> None:
    """In a process of their own: JAX starts threads, after which this one should not fork."""
    pytest.importorskip("jax", reason="jax is not installed")
    fresh_python(
        "import sys; from tests.test_benchmark_peers import *\n"
        "for name in sys.argv[1:]:\n"
        "    right_and_wrong(BY_NAME[name])\n"
        "    compared(problem_for(BY_NAME[name]), BY_NAME[name])\n",
        *names,
    )


def test_one_direction_sees_no_single_entry_that_is_slightly_off() -> None:
    problem = problem_for(BY_NAME["torch-fast"])
    peer = asked(BY_NAME["torch-fast"], problem)
    assert peer.check(changed(problem, "W1", 1e-3))
    assert not OURS.make(problem).check(changed(problem, "W1", 1e-3))


def test_ten_entries_are_ten_of_each_tensor() -> None:
    peer = recipes.TenEntries(problem_for(OURS))
    assert [some.size for some in peer.entries.values()] == [10, 10, 10, 10]
    assert peer.n_entries == 40


@pytest.mark.parametrize("kind", SLICED)
def test_a_slice_is_the_same_derivatives_and_nothing_else(kind: Kind) -> None:
    problem = problem_for(kind)
    entries = {name: some[::2] for name, some in every(problem).items()}
    part, whole = asked(kind, problem, entries), asked(kind, problem)
    assert part.check(problem.right)
    whole.check(problem.right)
    for name, some in entries.items():
        np.testing.assert_allclose(part.numerical[name], whole.numerical[name][some], atol=3e-8)
    outside = {n: g.copy() for n, g in problem.right.items()}
    outside["W1"].reshape(-1)[1] += 1.0
    inside = {n: g.copy() for n, g in problem.right.items()}
    inside["W1"].reshape(-1)[2] += 1.0
    sees_all = getattr(getattr(part, "rule", None), "is_whole", False)
    assert [part.judge(outside), part.judge(inside)] == [not sees_all, False]


# ------------------------------------------------------------ rules


def test_the_rules_that_are_told_are_those_of_the_libraries() -> None:
    for kind in KINDS:
        if kind.place.startswith("recipes:"):
            recipe = getattr(recipes, kind.place.partition(":")[2])
            sides = "central" if recipe.central else "forward"
            step = np.format_float_scientific(recipe.step, trim="-", exp_digits=1)
            assert (kind.rule, kind.step) == (recipe.rule.text, f"{step}, {sides}")
    assert BY_NAME["numdifftools"].rule == recipes.ALLCLOSE.text


def test_the_tolerances_of_torch_are_its_defaults() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    found = inspect.signature(torch.autograd.gradcheck).parameters
    assert [found[name].default for name in ("eps", "atol", "rtol")] == [1e-6, 1e-5, 1e-3]
    kind = BY_NAME["torch-slow"]
    assert (kind.step, kind.rule) == ("1e-6, central", rules.close(1e-3, 1e-5).text)


def test_the_tolerances_of_jax_are_its_defaults(fresh_python: FreshPython) -> None:
    pytest.importorskip("jax", reason="jax is not installed")
    found = fresh_python(
        "import numpy as np; from jax._src import public_test_util as u\n"
        "from benchmarks.peers import with_jax\n"
        "t = u.default_gradient_tolerance\n"
        "print(u.EPS, with_jax.STEP, t[np.dtype(np.float64)], t[np.dtype(np.float32)])\n"
        "print(with_jax.RULE.text)"
    ).stdout.splitlines()
    assert found == ["0.0001 0.0001 1e-05 0.002", BY_NAME["jax-loop"].rule]


@pytest.mark.parametrize(
    ("rule", "right", "wrong"),
    [
        (rules.close(1e-3, 1e-5), 2.0020, 2.0021),
        (rules.floored(1e-5), 2.00002, 2.00003),
        (rules.relative(1e-4), 2.0004, 2.0005),
        (rules.norm_ratio(1e-7), 2.0 + 3.9e-7, 2.0 + 4.1e-7),
        (rules.both(1e-4, 1e-4), 2.0004, 2.0005),
    ],
)
def test_a_rule_passes_up_to_its_limit(rule: rules.Rule, right: float, wrong: float) -> None:
    numerical = {"W": np.array([2.0])}
    said = [rule.passes({"W": np.array([a])}, numerical) for a in (right, wrong, -2.0, np.nan)]
    assert said == [True, False, False, False]


def test_the_rule_that_needs_both_errors_passes_small_derivatives_of_any_sign() -> None:
    small = {"W": np.array([9e-5])}
    assert rules.both(1e-4, 1e-4).passes({"W": np.array([-9e-6])}, small)
    assert not rules.relative(1e-4).passes({"W": np.array([-9e-6])}, small)


def test_one_number_for_all_entries_is_made_of_the_entries_outside_a_slice_too() -> None:
    problem = problem_for(OURS)
    rare = {name: some[:1] for name, some in every(problem).items()}
    off = changed(problem, "b2", 1e-3)
    place = int(np.flatnonzero(off["b2"] != problem.right["b2"])[0])
    rare["b2"] = np.array([place])
    part, whole = recipes.NormRatio(problem, rare), recipes.NormRatio(problem)
    scores = []
    for peer in (part, whole):
        peer.rule = replace(peer.rule, passes=lambda a, n: scores.append((a, n)) or True)
        peer.check(off)
    for analytic, numerical in scores:
        np.testing.assert_array_equal(analytic["b2"], off["b2"])
        assert numerical["W1"].size == problem.params["W1"].size
    exact_elsewhere = np.delete(problem.truth["W1"].reshape(-1), 0)
    np.testing.assert_array_equal(scores[0][1]["W1"][1:], exact_elsewhere)


# ------------------------------------------------------------ problems and mistakes


@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
def test_the_gradient_in_50_digits_is_that_of_tiny_differences(net: Net) -> None:
    problem = drawn(net, n_batch=3, seed=0)
    relu = np.frompyfunc(lambda v: v if v > 0 else 0 * v, 1, 1)
    literal = replace(
        NUMPY, relu=relu, tanh=mp_networks.tanh, sigmoid=mp_networks.sigmoid, log=mp_networks.log,
        softmax=mp_networks.softmax, log_softmax=lambda z: mp_networks.log(mp_networks.softmax(z)),
    )  # fmt: skip
    x = mp_networks.exact(problem.x)
    truth = mp_networks.gradient(
        lambda p: net.loss(literal, p, x, problem.y, problem.rows), problem.params
    )
    found = exact.gradient(net, problem.params, problem.x, problem.y)
    for name, right in truth.items():
        np.testing.assert_allclose(found[name], right, rtol=2e-16, atol=1e-30)
        np.testing.assert_allclose(problem.right[name], right, rtol=1e-12, atol=1e-15)


def test_ten_different_mistakes_are_planted_and_one_entry_is_one_entry() -> None:
    for name in ("s3", "s1-one", "s1"):
        problem = QUICK[name]()
        planted = ten(problem)
        titles = [title for title, _ in TEN if title in [one.title for one in planted]]
        assert [one.title for one in planted] == titles
        assert len(planted) == len(set(titles)) == 10
        assert all(one.change > 1e-4 for one in planted)
        for one, share in zip(planted[:2], (1e-2, 1e-3), strict=True):
            gap = one.grads["W1"] / problem.right["W1"] - 1.0
            assert np.count_nonzero(np.abs(gap) > 1e-9) == 1
            assert gap.flat[np.abs(gap).argmax()] == pytest.approx(share)


def test_a_slice_has_each_mistake_in_it() -> None:
    problem = QUICK["s3"]()
    planted = ten(problem)
    entries = with_wrong(problem, dict.fromkeys(problem.params, np.array([], np.int64)), planted)
    assert sum(some.size for some in entries.values()) <= len(planted) + len(entries)
    for one in planted:
        assert any(
            (one.grads[n] != g).reshape(-1)[entries[n]].any() for n, g in problem.right.items()
        )


# ------------------------------------------------------------ measuring


@pytest.mark.parametrize("kind", ROWS)
def test_a_peer_equals_the_reference_before_it_is_timed(kind: Kind) -> None:
    asked(kind, problem_for(kind))
    compared(problem_for(kind), kind)


def test_a_peer_of_another_network_is_not_timed() -> None:
    problem = problem_for(OURS)
    _ = problem.objective, problem.right
    object.__setattr__(problem, "x", 1.001 * problem.x)
    with pytest.raises(NotEqualError, match=r"the loss of plain is \d.*, not"):
        measured(problem, [BY_NAME["plain"]], EFFORT)


def test_a_peer_that_mixes_up_entries_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = recipes.NaiveLoop.check

    def mixed(self: Any, grads: Any) -> bool:
        found = right(self, grads)
        self.numerical = {n: np.roll(v, 1) for n, v in self.numerical.items()}
        return found

    monkeypatch.setattr(recipes.NaiveLoop, "check", mixed)
    with pytest.raises(NotEqualError, match=r"plain: \d+ of \d+ numerical derivatives are off"):
        compared(problem_for(OURS), BY_NAME["plain"])


def test_an_absent_peer_is_named_in_the_table() -> None:
    absent = replace(BY_NAME["torch-slow"], package="no_such_package", name="absent")
    found = measured(QUICK["s1"](), [OURS, absent, BY_NAME["pytensor"]], EFFORT, say=str)
    ours, missing, pytensor = found["rows"]
    assert [row["installed"] for row in found["rows"]] == [True, False, True]
    assert "seconds" not in missing
    assert ours["planted"] == ["fail"] * 10
    assert (ours["ratio"], ours["right"], ours["extrapolated"]) == (1.0, "pass", False)
    assert ours["error"] < 1e-12 < 1e-9 < pytensor["error"]
    assert "not installed" in side_table(found)
    json.dumps(found)


def test_what_takes_too_long_is_done_on_a_slice_and_extrapolated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(side_by_side, "LEAST", 20)
    effort = replace(EFFORT, longest=1e-9)
    found = measured(QUICK["s1"](), [OURS, BY_NAME["plain"]], effort, say=str)
    ours, plain = found["rows"]
    assert plain["extrapolated"]
    assert 20 <= plain["n_entries"] < 40 < found["n_params"] == ours["n_entries"]
    assert plain["planted"] == ["fail"] * 10
    assert "~" in side_table(found)


def test_the_table_is_printed_and_kept(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    words = ["table", "--quick", "--problem", "s1-one", "--peer", "plain", "--json", str(file)]
    assert main(words) == 0
    assert "course: " not in capsys.readouterr().out
    found = json.loads(file.read_text())
    assert found["command"] == "python -m benchmarks.peers " + " ".join(words[:-2])
    assert [row["peer"] for row in found["problems"][0]["rows"]] == ["fastcheck", "plain"]
    assert {"processor", "numpy"} <= set(found["machine"])


def test_the_script_fails_where_what_is_compared_is_not_equal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recipes.NaiveLoop, "value", lambda self: 0.0)
    assert main(["table", "--quick", "--problem", "s1", "--peer", "plain"]) == 1
    assert "WRONG: S1, small: the loss of plain is 0.0" in capsys.readouterr().err


def test_what_is_remembered_of_a_library_is_put_back() -> None:
    class Library:
        answer = staticmethod(lambda: 1)

    kept: dict[str, Any] = {}
    with remembered(Library, "answer", kept, again=False):
        assert Library.answer() == 1
    Library.answer = staticmethod(lambda: 2)

    def interrupted() -> None:
        with remembered(Library, "answer", kept, again=True):
            assert Library.answer() == 1
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    assert Library.answer() == 2


@pytest.mark.slow
def test_the_quick_tables_have_all_peers(fresh_python: FreshPython) -> None:
    fresh_python(
        "from benchmarks.peers.command import main; raise SystemExit(main(['table', '--quick']))"
    )
