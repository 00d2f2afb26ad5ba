"""The fixture: a check that fails its test, and is kept for the report."""

from __future__ import annotations

import traceback
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from fastcheck.check import check_gradients
from fastcheck.check.value_and_grad import check_value_and_grad
from fastcheck.errors import FastcheckError, GradientMismatchError
from fastcheck.layers import check_layer
from fastcheck.nightly.beginning import now
from fastcheck.nightly.records import Record
from fastcheck.pytest_plugin.checks import case_of, report_of
from fastcheck.pytest_plugin.gathering import GATHERING, note
from fastcheck.pytest_plugin.options import known_options, refuse_unknown
from fastcheck.pytest_plugin.tracebacks import hide_internals

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from fastcheck.nightly.records import Status
    from fastcheck.result import CheckResult

__all__ = ["FastcheckFixture", "InconclusiveError", "WrongGradientError"]

LEFT_OUT: Any = object()


class WrongGradientError(GradientMismatchError):
    """A gradient is wrong."""

    __module__ = "builtins"  # else pytest's line about the test would be full before it says why


class InconclusiveError(GradientMismatchError):
    """It could not be decided whether a gradient is right."""

    __module__ = "builtins"


class FastcheckFixture:
    """What the fixture ``fastcheck`` is: the checks of the package, bound to a test.

    Each check returns its result if it passes, and raises
    :class:`fastcheck.GradientMismatchError` if it does not.

    Parameters
    ----------
    item : pytest.Item
        The test.
    options : dict
        Options of all its checks, over which those of a call stand.
    """

    def __init__(self, item: pytest.Item, options: dict[str, Any]) -> None:
        self._item = item
        self._options = options
        self._gathering = item.config.stash[GATHERING]
        self._n_checks = 0

    def __repr__(self) -> str:
        return f"<fastcheck in {self._item.name}>"

    def __call__(self, loss: Any, params: Any, grads: Any, **options: Any) -> CheckResult:
        """Check a gradient, as :func:`fastcheck.check_gradients` does.

        Parameters
        ----------
        loss, params, grads, **options
            As for :func:`fastcheck.check_gradients`.

        Returns
        -------
        CheckResult
            The result, which passed.

        Raises
        ------
        GradientMismatchError
            If the gradient is wrong, or it could not be decided whether it is; its ``result`` says
            why.
        InputError
            If an argument is wrong.
        """
        __tracebackhide__ = True
        return self._checked(check_gradients, (loss, params, grads), options)

    def layer(
        self,
        forward: Any,
        backward: Callable[..., Any] | None = None,
        inputs: Any = LEFT_OUT,
        params: Any = None,
        grads: Any = None,
        **options: Any,
    ) -> CheckResult:
        """Check a layer or a list of layers, as :func:`fastcheck.check_layer` does.

        Parameters
        ----------
        forward, backward, inputs, params, grads, **options
            As for :func:`fastcheck.check_layer`.

        Returns
        -------
        CheckResult
            The result, which passed.

        Raises
        ------
        GradientMismatchError, InputError
            As for a call of the fixture.
        """
        __tracebackhide__ = True
        given = () if inputs is LEFT_OUT else (inputs, params, grads)
        return self._checked(check_layer, (forward, backward, *given), options)

    def value_and_grad(
        self, function: Callable[..., Any], params: Any, **options: Any
    ) -> CheckResult:
        """Check a function that returns ``(loss, gradient, ...)``.

        Parameters
        ----------
        function, params, **options
            As for :func:`fastcheck.check_value_and_grad`.

        Returns
        -------
        CheckResult
            The result, which passed.

        Raises
        ------
        GradientMismatchError, InputError
            As for a call of the fixture.
        """
        __tracebackhide__ = True
        return self._checked(check_value_and_grad, (function, params), options)

    def _checked(
        self, check: Callable[..., CheckResult], arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> CheckResult:
        """Make a check, keep it for the report, and raise unless it passes."""
        __tracebackhide__ = True
        self._n_checks += 1
        case = case_of(self._item.nodeid, self._n_checks, {**self._options, **options})
        blank = Record(case, started=now())
        start = perf_counter()
        try:
            result = check(*arguments, **self._given(check, options))
        except Exception as problem:
            if not self._item.config.getoption("fulltrace"):
                hide_internals(problem)
            note(self._item, _broken(blank, problem, perf_counter() - start))
            raise
        cut = result.interrupted and result.verdict != "fail"
        status: Status = "interrupted" if cut else result.verdict
        seconds = perf_counter() - start
        record = replace(blank, status=status, result=result, seconds=seconds)
        note(self._item, record)
        if result.interrupted:
            raise KeyboardInterrupt
        if not result.passed:
            kind = WrongGradientError if result.verdict == "fail" else InconclusiveError
            raise kind(report_of(record, self._gathering.columns), result)
        return result

    def _given(self, check: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
        """Return the options of a call, with those of all checks that this one has."""
        known = known_options(check_gradients, check)
        refuse_unknown("a check", options, known)
        common = {name: value for name, value in self._options.items() if name in known}
        return {"pictures": self._gathering.folder is not None, **common, **options}


def _broken(blank: Record, problem: Exception, seconds: float) -> Record:
    """Return the record of a check that raised."""
    if isinstance(problem, FastcheckError):
        return replace(blank, status="error", message=str(problem), seconds=seconds)
    inner = None if problem.__traceback__ is None else problem.__traceback__.tb_next
    trace = "".join(traceback.format_exception(type(problem), problem, inner)).rstrip()
    message = f"{type(problem).__name__}: {problem}".removesuffix(": ")
    return replace(blank, status="error", message=message, traceback=trace, seconds=seconds)
