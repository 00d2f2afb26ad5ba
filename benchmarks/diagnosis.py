"""How many planted mistakes are named rightly, by kind, address and constant.

``python benchmarks/diagnosis.py``: into literal backward passes (``benchmarks/faulty``) each
mistake of a catalogue is planted, network by network; the first diagnosis of ``check_gradients``
must have the right word, the right tensor and the right number. The same for recurrent, residual,
embedding and tied networks; for pairs of mistakes, of which both must be named; and for random
damage, of which nothing untrue may be said. Settings are split: of those that are held out only
totals are printed, unless ``--show-held-out`` asks for more. Exit status 1 if a right gradient is
accused, something untrue is said of damage, or fewer mistakes are named rightly than is promised.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the checkout is measured

from benchmarks.faulty.data import why_absent
from benchmarks.faulty.disturbance import disturbed
from benchmarks.faulty.faults import FAULTS, Spoilt
from benchmarks.faulty.network import Net
from benchmarks.faulty.others import problems
from benchmarks.faulty.run import Answer, accusations, damaged, in_pairs, singles
from benchmarks.faulty.split import PARTS, Part
from benchmarks.timing import machine, one_blas_thread, table, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTIONS = ("faults", "others", "pairs", "corruptions")
ENOUGH = {"faults": 0.98, "others": 0.98, "pairs": 0.95, "corruptions": 1.0}
"""Shares that must be right."""
ENOUGH_IN_NOISE = 0.97
WORST = 30
"""Classes in the table."""


def main(argv: list[str] | None = None) -> int:
    """Plant, print, write JSON; return the exit status."""
    options = parsed(argv)
    if options.classes:
        print("\n".join(FAULTS.faults))
        return 0
    unknown = [name for name in options.only if name not in FAULTS.faults]
    if unknown:
        print(f"unknown fault {unknown[0]!r}; --classes lists all", file=sys.stderr)
        return 2
    answers: list[Answer] = []
    accused: list[str] = []
    parts = [part for part in PARTS if options.part in ("both", part.name)]
    with one_blas_thread(), disturbed(options.noise):
        for part in parts:
            measure(part, answers, accused, options)
    report(answers, accused, options)
    write_json(
        options.json,
        {"machine": machine(), "noise": options.noise, "accused": accused,
         "answers": [asdict(a) for a in answers]},
    )  # fmt: skip
    return 0 if is_good(answers, accused, options) else 1


def parsed(argv: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--classes", action="store_true", help="list the faults and end")
    parser.add_argument("--only", action="append", default=[], metavar="FAULT")
    parser.add_argument("--settings", type=int, default=30, help="per part of the split")
    parser.add_argument("--part", default="both", choices=["both", *(p.name for p in PARTS)])
    parser.add_argument("--every-layer", action="store_true", help="not one drawn per fault")
    parser.add_argument("--pairs", type=int, default=20, help="per network")
    parser.add_argument("--corruptions", type=int, default=17, help="per network")
    parser.add_argument("--noise", type=float, default=0.0, help="of derivatives, relative")
    parser.add_argument("--no-data", action="store_true", help="without real minibatches")
    parser.add_argument("--failures", action="store_true", help="list each wrong answer")
    parser.add_argument("--show-held-out", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all answers there")
    options = parser.parse_args(argv)
    for name in options.sections:
        if name not in SECTIONS:
            parser.error(f"unknown section {name!r}; choose from {', '.join(SECTIONS)}")
    options.sections = options.sections or (["faults"] if options.only else SECTIONS)
    return options


def networks(part: Part, options: argparse.Namespace) -> Iterator[Net]:
    """Yield the networks of a part of the split."""
    for setting in part.settings(options.settings):
        yield Net(setting)
    for setting in () if options.no_data else part.real:
        reason = why_absent(setting.data)
        if reason:
            print(f"skipped: {setting}: {reason}", file=sys.stderr)
        else:
            yield Net(setting)


def measure(
    part: Part, answers: list[Answer], accused: list[str], options: argparse.Namespace
) -> None:
    """Add what is said of the networks of a part of the split."""
    wanted, noise = options.sections, options.noise
    if {*wanted} - {"others"}:
        for k, net in enumerate(networks(part, options)):
            spoilt = Spoilt(net)
            accused += accusations(spoilt)
            if "faults" in wanted:
                answers += singles(
                    "faults", part.name, spoilt, only=options.only,
                    every_layer=options.every_layer, seed=k, noise=noise,
                )  # fmt: skip
            if "pairs" in wanted:
                answers += in_pairs(part.name, spoilt, options.pairs, seed=k, noise=noise)
            if "corruptions" in wanted:
                n = options.corruptions
                answers += damaged(part.name, spoilt, n, seed=part.seed + k, noise=noise)
    if "others" in wanted:
        for problem in problems(part.name):
            accused += accusations(problem)
            answers += singles("others", part.name, problem, noise=noise)


# ------------------------------------------------------------ what is printed


def is_good(answers: list[Answer], accused: list[str], options: argparse.Namespace) -> bool:
    """Return whether what is promised holds."""
    for section in options.sections:
        scored = [a for a in answers if a.section == section and not a.is_hidden]
        least = ENOUGH[section]
        if options.noise and section in ("faults", "others"):
            least = ENOUGH_IN_NOISE
        if scored and np.mean([a.score.is_right for a in scored]) < least:
            return False
    return not accused


def report(answers: list[Answer], accused: list[str], options: argparse.Namespace) -> None:
    """Print totals, then for each section the worst classes."""
    print(totals(answers))
    for section in options.sections:
        shown = [
            a for a in answers
            if a.section == section and not a.is_hidden and not a.score.is_right
            and (options.show_held_out or a.part != "held out")
        ]  # fmt: skip
        if shown:
            print(f"\n{section}\n{worst(shown, answers, section)}")
        for a in shown if options.failures else ():
            print(f"{a.fault}, layer {a.layer} [{a.setting}]: {a.said}")
    print(f"\nright gradients that were accused: {len(accused)}")
    for text in accused:
        print(f"  {text}")


def totals(answers: list[Answer]) -> str:
    """Return the shares of right answers, by section and part of the split."""
    head = ["", "networks", "classes", "cases", "kind", "address", "constant", "all", "hidden",
            "diagnosis", "check"]  # fmt: skip
    rows = []
    for section, part in dict.fromkeys((a.section, a.part) for a in answers):
        these = [a for a in answers if (a.section, a.part) == (section, part)]
        scored = [a for a in these if not a.is_hidden]
        n_classes = len({a.fault for a in these}) if section in ("faults", "others") else 0
        rows.append([
            f"{section}, {part}", str(len({a.setting for a in these})), str(n_classes or ""),
            str(len(scored)), percent([a.score.kind for a in scored]),
            percent([a.score.address for a in scored]),
            percent([a.score.constant for a in scored]),
            percent([a.score.is_right for a in scored]), str(len(these) - len(scored)),
            f"{1e3 * np.mean([a.seconds for a in these]):.1f} ms",
            f"{1e3 * np.mean([a.check for a in these]):.1f} ms",
        ])  # fmt: skip
    return table(head, rows)


def percent(flags: list[bool]) -> str:
    """Return a share."""
    return f"{sum(flags) / len(flags):.2%}" if flags else ""


def worst(wrong: list[Answer], answers: list[Answer], section: str) -> str:
    """Return the classes that are named wrongly most often, and what they are called instead."""
    parts = {a.part for a in wrong}
    scored = [a for a in answers if a.section == section and a.part in parts and not a.is_hidden]
    n_all = Counter(name for a in scored for name in groups(a))
    classes: dict[str, list[Answer]] = defaultdict(list)
    for answer in wrong:
        for name in groups(answer):
            classes[name].append(answer)
    ordered = sorted(classes, key=lambda name: -len(classes[name]) / n_all[name])
    rows: list[list[str]] = []
    for name in ordered[:WORST]:
        (text, n), *_ = Counter(kind_of(a) for a in classes[name]).most_common(1)
        rows.append([name, f"{n_all[name] - len(classes[name])}/{n_all[name]}", f"{text} ({n})"])
    return table([section[:-1], "right", "commonest wrong answer"], rows)


def groups(answer: Answer) -> list[str]:
    """Return under which names an answer is counted, a pair under each of its mistakes."""
    if answer.section == "corruptions":
        return [answer.fault.partition(" in ")[0].partition(" at layer ")[0]]
    return answer.fault.split(" & ")


def kind_of(answer: Answer) -> str:
    """Return what was said, without names and numbers."""
    if answer.section == "corruptions":
        return answer.said.partition(" [")[0]
    parts: list[Any] = [text.split(" ")[0] for text in answer.said.split("; ")]
    return " + ".join(parts)


if __name__ == "__main__":
    raise SystemExit(main())
