"""The fixture: what passes, what fails with what, and what a user sees of it."""

from __future__ import annotations

import re

import pytest

from tests.pytest_plugin.conftest import Inner

pytest_plugins = ["pytester"]


def test_a_right_gradient_passes_and_its_result_is_returned(inner: Inner) -> None:
    found = inner(
        """
        def test_net(fastcheck):
            result = fastcheck(*given)
            assert (result.verdict, result.coverage.n_resolved) == ("pass", 39)

        def test_layer(fastcheck):
            def forward(x, W): return x @ W
            def backward(dout, x, W): return dout @ W.T, x.T @ dout
            result = fastcheck.layer(forward, backward, (x, net.params["W1"]), n_cotangents=2)
            assert list(result.tensors) == ["x", "W"]

        def test_both(fastcheck):
            def both(w): return np.exp(w).sum(), np.exp(w)
            assert fastcheck.value_and_grad(both, np.ones(3)).passed
        """
    )
    found.assert_outcomes(passed=3)
    assert "fastcheck ==" not in found.stdout.str()


def test_a_wrong_gradient_fails_the_test_with_its_cause_and_an_address(inner: Inner) -> None:
    found = inner(
        """
        def test_net(fastcheck):
            fastcheck(*wrong)
        """
    )
    found.assert_outcomes(failed=1)
    cause = "b1: the gradient is 2 times the right one"
    printed = found.stdout.str()
    assert f"E       WrongGradientError: {cause}" in printed
    assert re.search(r"E +examples +b1\[\d\]: yours \S+, should be \S+ ± \S+ \(× 2\)", printed)
    assert f"FAILED test_net.py::test_net - WrongGradientError: {cause}" in printed
    assert f"fail          test_net.py::test_net: {cause}; perhaps it was added twice" in printed
    assert "1 check: 1 fail" in printed


def test_a_failure_shows_no_code_of_the_package(inner: Inner) -> None:
    found = inner(
        """
        def test_net(fastcheck):
            fastcheck(*wrong)

        def test_layer(fastcheck):
            fastcheck.layer(lambda x: 3.0 * x, lambda dout: dout, x)

        def test_both(fastcheck):
            fastcheck.value_and_grad(lambda w: (np.exp(w).sum(), w), np.ones(3))

        def test_argument(fastcheck):
            fastcheck(*given, rtol=7)
        """
    )
    found.assert_outcomes(failed=4)
    printed = found.stdout.str()
    assert ".py:" in printed
    assert "fixture.py" not in printed
    assert "fastcheck/" not in printed
    assert "E       WrongGradientError: x: every entry is 1/3 of the" in printed
    assert "E       fastcheck.errors.InputError: `rtol` must be in [0, 1), got 7" in printed


def test_what_could_not_be_decided_fails_and_says_why(inner: Inner) -> None:
    found = inner(
        """
        def test_net(fastcheck):
            fastcheck(*flat)
        """
    )
    found.assert_outcomes(failed=1)
    printed = found.stdout.str()
    assert "E       InconclusiveError: none of 20 checked entries could be resolved" in printed
    assert "exactly zero on both sides" in printed
    assert "inconclusive  test_net.py::test_net: none of 20 checked entries" in printed


def test_both_are_the_error_that_the_package_raises(inner: Inner) -> None:
    found = inner(
        """
        import fastcheck as fc

        @pytest.mark.parametrize("arguments", [wrong, flat])
        def test_net(fastcheck, arguments):
            with pytest.raises(fc.GradientMismatchError) as problem:
                fastcheck(*arguments)
            assert problem.value.result.verdict in ("fail", "inconclusive")
        """
    )
    found.assert_outcomes(passed=2)


CODE = """
    def test_net(fastcheck):
        def loss():
            return {}["missing"] + net.forward()
        fastcheck(loss, *given[1:])
"""


def test_an_exception_in_the_users_code_is_shown_where_it_is(inner: Inner) -> None:
    found = inner(CODE)
    found.assert_outcomes(failed=1)
    printed = found.stdout.str()
    assert ">       fastcheck(loss, *given[1:])" in printed
    assert '>       return {}["missing"] + net.forward()' in printed
    assert "fastcheck/" not in printed
    assert "contextlib" not in printed
    assert "error         test_net.py::test_net: KeyError: 'missing'" in printed


def test_all_of_a_traceback_is_shown_if_it_is_asked_for(inner: Inner) -> None:
    assert "fastcheck/check/checking.py" in inner(CODE, "--full-trace").stdout.str()


def test_ctrl_c_in_a_check_ends_the_session(inner: Inner) -> None:
    found = inner(
        """
        def test_net(fastcheck):
            n = iter(range(10))
            def loss():
                if next(n) == 5:
                    raise KeyboardInterrupt
                return net.forward()
            fastcheck(loss, *given[1:], engine="black box")

        def test_never(fastcheck): pass
        """
    )
    assert found.ret == pytest.ExitCode.INTERRUPTED
    found.assert_outcomes()


def test_a_failure_is_as_wide_as_the_terminal(
    inner: Inner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    found = inner(
        """
        def test_net(fastcheck):
            fastcheck(*wrong)
        """
    )
    lines = [line for line in found.outlines if line.startswith("E  ")]
    told = [line for line in lines if "WrongGradientError" not in line]
    assert len(told) > 5
    assert max(map(len, told)) <= 72
