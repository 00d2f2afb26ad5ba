"""Options of checks: of the project, of markers, of a call; and those that there are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fastcheck.pytest_plugin.checks import case_of
from tests.pytest_plugin.conftest import Inner

pytest_plugins = ["pytester"]


def test_the_closest_marker_counts_and_a_call_more_than_any(inner: Inner) -> None:
    found = inner(
        """
        pytestmark = pytest.mark.fastcheck(only="W1", rtol=0.75)

        def test_module(fastcheck):
            result = fastcheck(*wrong)
            assert (list(result.tensors), result.rtol) == (["W1"], 0.75)

        @pytest.mark.fastcheck(only="b1")
        class TestClass:
            def test_class(self, fastcheck):
                result = fastcheck(*wrong)
                assert (list(result.tensors), result.rtol) == (["b1"], 0.75)

            @pytest.mark.fastcheck(rtol=0.625)
            def test_function(self, fastcheck):
                result = fastcheck(*wrong)
                assert (list(result.tensors), result.rtol) == (["b1"], 0.625)

            @pytest.mark.fastcheck(rtol=0.625)
            def test_call(self, fastcheck):
                result = fastcheck(*wrong, rtol=0.5625, only="b*")
                assert (list(result.tensors), result.rtol) == (["b1", "b2"], 0.5625)
        """,
        "--strict-markers",
    )
    found.assert_outcomes(passed=4)


def test_strict_and_accept_reach_the_check(inner: Inner) -> None:
    found = inner(
        """
        close = net.forward, net.params, net.backward(W2=1.0 + 1e-7)
        halved = net.forward, net.params, {n: 6.0 * g for n, g in net.backward().items()}

        def test_close(fastcheck):
            fastcheck(*close)

        @pytest.mark.fastcheck(strict=True)
        def test_strict(fastcheck):
            fastcheck(*close)

        @pytest.mark.fastcheck(accept="sum")
        def test_accepted(fastcheck):
            assert "accepted" in fastcheck(*halved).tensors["W1"].reason
        """
    )
    found.assert_outcomes(passed=2, failed=1)
    assert "FAILED test_net.py::test_strict" in found.stdout.str()


def test_an_option_of_layers_is_for_layers_alone(inner: Inner) -> None:
    found = inner(
        """
        pytestmark = pytest.mark.fastcheck(n_cotangents=1)

        def test_net(fastcheck):
            fastcheck(*given)

        def test_layer(fastcheck):
            layer = lambda x: 2.0 * x, lambda dout: 2.0 * dout, x
            assert "each of" not in str(fastcheck.layer(*layer))
            assert "each of 2 random" in str(fastcheck.layer(*layer, n_cotangents=2))

        def test_call(fastcheck):
            fastcheck(*given, n_cotangents=1)
        """
    )
    found.assert_outcomes(passed=2, failed=1)
    assert "E       fastcheck.errors.InputError: a check has no option `n_cotangents`" in (
        found.stdout.str()
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("rtoll=1.0", "has no option `rtoll` (did you mean rtol?); the options are plan, "),
        ("Strict=True", "has no option `Strict` (did you mean strict?)"),
        ("'units'", "must have options by name, got 'units'; write rtol=1e-6"),
    ],
)
def test_a_wrong_marker_is_one_sentence(inner: Inner, arguments: str, told: str) -> None:
    found = inner(
        f"""
        @pytest.mark.fastcheck({arguments})
        def test_net(fastcheck):
            fastcheck(*given)
        """
    )
    found.assert_outcomes(errors=1)
    (line,) = [line for line in found.outlines if line.startswith("@pytest.mark.fastcheck")]
    assert told in line
    assert "options.py" not in found.stdout.str()


def test_a_wrong_option_of_a_call_is_one_sentence(inner: Inner) -> None:
    found = inner(
        """
        def test_net(fastcheck):
            fastcheck(*given, tol=1.0)
        """
    )
    found.assert_outcomes(failed=1)
    assert "InputError: a check has no option `tol` (did you mean rtol?); the" in found.stdout.str()


def test_a_project_has_options_of_its_own(inner: Inner) -> None:
    Path("pytest.ini").write_text(
        "[pytest]\nfastcheck_options =\n    rtol = 0.75\n    only = ['W1', 'b1']\n    seed = 3\n",
        encoding="utf-8",
    )
    found = inner(
        """
        def test_project(fastcheck):
            result = fastcheck(*wrong)
            assert (list(result.tensors), result.rtol) == (["W1", "b1"], 0.75)

        @pytest.mark.fastcheck(rtol=0.625)
        def test_marked(fastcheck):
            assert fastcheck(*wrong).rtol == 0.625
        """
    )
    found.assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("rtoll = 1", "fastcheck_options has no option `rtoll` (did you mean rtol?); the options"),
        ("rtol 1", "fastcheck_options must be lines of TOML, got 'rtol 1'; write them as in rtol"),
        ("rtol = 7", "`rtol` must be in [0, 1), got 7; the default is 1e-5"),
        ("seed = -1", "`seed` must be a whole number from 0, got -1"),
    ],
)
def test_a_wrong_option_of_a_project_is_one_sentence(inner: Inner, line: str, told: str) -> None:
    found = inner("def test_net(fastcheck): pass", "-o", f"fastcheck_options={line}")
    found.assert_outcomes(errors=1)
    assert [line for line in found.outlines if line.startswith(told)]


def test_what_json_cannot_hold_is_left_out_of_a_record() -> None:
    given = {"seed": np.int64(3), "rtol": np.float64(0.5), "before_each": print, "only": ("W1",)}
    case = case_of("test_net.py::test_net", 1, given)
    assert (case.seed, case.options) == (3, {"rtol": 0.5, "only": ("W1",)})
    assert case_of("test_net.py::test_net", 1, {"seed": "three"}).seed == 0
