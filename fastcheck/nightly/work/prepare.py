"""From a case to the arguments of a check."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastcheck.errors import InputError
from fastcheck.nightly.suite.keys import DEMOS
from fastcheck.nightly.target import TargetError, call_function, find_function, parameters_of
from fastcheck.params import did_you_mean
from fastcheck.result.wording import quantity

if TYPE_CHECKING:
    from pathlib import Path

    from fastcheck.datasets import Batch, Dataset
    from fastcheck.nightly.records import Case

__all__ = ["Prepared", "find_dataset", "prepare"]

NAMES = tuple(DEMOS.values())
MOST_SHOWN = 10


@dataclass
class Prepared:
    """What is to be checked.

    Attributes
    ----------
    arguments : tuple
        Loss, parameters and gradients.
    options : dict
        Of the check: those of the function, and over them those of the case.
    notes : list of str
        What is otherwise than asked for.
    """

    arguments: tuple[Any, Any, Any]
    options: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def prepare(case: Case, folder: Path) -> Prepared:
    """Return what a case checks; the user's function is called.

    Parameters
    ----------
    case : Case
        The case.
    folder : Path
        Where its paths start.

    Raises
    ------
    FastcheckError
        If target, data or options are wrong, or the user's code raises.
    """
    prepared = _demo(case, folder) if case.target in DEMOS else _called(case, folder)
    prepared.options |= {"seed": case.seed, **case.options}
    if case.fault is not None:
        _plant(case, prepared)
    return prepared


def find_dataset(name: str, folder: Path) -> Dataset:
    """Return a data set by name or path."""
    from fastcheck.datasets import find_data, open_dataset

    return find_data(name) if name in NAMES else open_dataset(folder / name)


def _batch(case: Case, name: str, folder: Path, notes: list[str]) -> Batch:
    """Draw the minibatch; of data with fewer examples, such as synthetic ones, all."""
    dataset = find_dataset(name, folder)
    size = len(dataset.split(case.split))
    if case.batch > size:
        notes.append(f"the data have {quantity(size, 'example')}, {case.batch} were asked for")
    return dataset.sample(min(case.batch, size), seed=case.seed, split=case.split)


def _demo(case: Case, folder: Path) -> Prepared:
    """Return one of the networks of the package, with its hand-written gradient."""
    from fastcheck.demo import demos

    if case.arguments:
        raise InputError(
            f"`arguments` must be left out for {case.target}, which takes none, got "
            f"{', '.join(case.arguments)}"
        )
    demo = next(demo for demo in demos() if demo.data == DEMOS[case.target])
    notes: list[str] = []
    name = case.dataset or demo.data
    batch = _batch(case, name, folder, notes)
    if not demo.takes(batch):
        shape = " × ".join(map(str, batch.x.shape[1:])) or "1"
        raise InputError(
            f"`dataset` must be data like {demo.data} for {case.target}, {demo.n_features} numbers "
            f"for each example and {demo.n_classes} classes, labelled by whole numbers, got {name} "
            f"with {shape} numbers and {quantity(batch.n_classes, 'class', 'classes')}; leave it "
            f'out, or write dataset = "{demo.data}"'
        )
    objective, params, loss, grads = demo.case(batch, case.seed)
    return Prepared((objective, params, grads), {"loss_value": loss}, notes)


def _called(case: Case, folder: Path) -> Prepared:
    """Return what a function of the user's returns."""
    function, label = find_function(case.target, folder)
    names, is_open = parameters_of(function)
    given = dict(case.arguments)
    notes: list[str] = []
    if "seed" in names or is_open:
        given["seed"] = case.seed
    if case.dataset is not None:
        if "batch" not in names and not is_open:
            raise TargetError(
                f"{label} must have a parameter `batch`, because the case names a `dataset`, got "
                f"{', '.join(names) or 'none'}; add it, or leave `dataset` out"
            )
        given["batch"] = _batch(case, case.dataset, folder, notes)
    objective, params, grads, options = call_function(function, label, given)
    return Prepared((objective, params, grads), options, notes)


def _plant(case: Case, prepared: Prepared) -> None:
    """Put a mistake into the gradient."""
    from fastcheck.planting import find_faults

    unused = ("plan", "entries", "progress")
    options = {k: v for k, v in prepared.options.items() if k not in unused}
    found = {fault.title: fault for fault in find_faults(*prepared.arguments, **options)}
    if case.fault not in found:
        near = did_you_mean([case.fault or ""], found)
        raise InputError(
            f"`fault` must be the title of a mistake that can be planted here, got "
            f"{case.fault!r}{near}; they are {_some(list(found))}"
        )
    loss, params, _ = prepared.arguments
    prepared.arguments = (loss, params, found[case.fault].make())
    prepared.notes.append(f"planted: {found[case.fault].description}")


def _some(titles: list[str]) -> str:
    """Return the first of many titles."""
    shown = titles[:MOST_SHOWN]
    more = len(titles) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "") if titles else "none"
