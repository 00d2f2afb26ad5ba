"""How many planted mistakes are named rightly, by kind, address and constant.

``python benchmarks/diagnosis.py``: into literal backward passes (``benchmarks/faulty``) each mistake
of a catalogue is planted, network by network; the first diagnosis of ``check_gradients`` must have
the right word, the right tensor and the right number. Settings are split: of those that are held
out only totals are printed, unless ``--show-held-out`` asks for more.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the checkout is measured

import fastcheck as fc
from benchmarks.faulty.data import why_absent
from benchmarks.faulty.disturbance import disturbed
from benchmarks.faulty.faults import FAULTS, Mistake, Spoilt
from benchmarks.faulty.network import Net
from benchmarks.faulty.score import Score, score_of
from benchmarks.faulty.split import PARTS, Part
from benchmarks.timing import machine, one_blas_thread, table, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcheck.result import CheckResult

WORST = 25
"""Classes in the table."""


@dataclass(frozen=True)
class Answer:
    """What was said of one mistake.

    Attributes
    ----------
    part, setting, fault : str
        Which one.
    layer : int
        Where.
    score : Score
        What is right.
    said : str
        The first diagnosis in short.
    seconds, check : float
        Of the diagnosis, of the whole check.
    is_hidden : bool
        Whether the check passes, because noise hides the mistake.
    """

    part: str
    setting: str
    fault: str
    layer: int
    score: Score
    said: str
    seconds: float
    check: float
    is_hidden: bool = False


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
    with one_blas_thread(), disturbed(options.noise):
        for part in PARTS:
            if options.part in ("both", part.name):
                for net in networks(part, options):
                    spoilt = Spoilt(net)
                    accused += accusations(spoilt)
                    answers += named(part, spoilt, options)
    report(answers, accused, options)
    write_json(
        options.json,
        {"machine": machine(), "noise": options.noise, "accused": accused,
         "answers": [asdict(a) for a in answers]},
    )  # fmt: skip
    return 1 if accused else 0


def parsed(argv: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--classes", action="store_true", help="list the faults and end")
    parser.add_argument("--only", action="append", default=[], metavar="FAULT")
    parser.add_argument("--settings", type=int, default=30, help="per part of the split")
    parser.add_argument("--part", default="both", choices=["both", *(p.name for p in PARTS)])
    parser.add_argument("--every-layer", action="store_true", help="not one drawn per fault")
    parser.add_argument("--noise", type=float, default=0.0, help="of derivatives, relative")
    parser.add_argument("--no-data", action="store_true", help="without real minibatches")
    parser.add_argument("--failures", action="store_true", help="list each wrong answer")
    parser.add_argument("--show-held-out", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all answers there")
    return parser.parse_args(argv)


def networks(part: Part, options: argparse.Namespace) -> Iterator[Net]:
    """Yield the networks of a part of the split."""
    for setting in part.settings(options.settings):
        yield Net(setting)
    if options.no_data:
        return
    for setting in part.real:
        reason = why_absent(setting.data)
        if reason:
            print(f"skipped: {setting}: {reason}", file=sys.stderr)
        else:
            yield Net(setting)


def checked(net: Any, gradient: Any) -> CheckResult:
    """Return what the package says of a gradient."""
    return fc.check_gradients(net.objective, net.given, net.placed(gradient), strict=True)


def accusations(spoilt: Any) -> list[str]:
    """Return what is said of a right gradient: nothing, if all is well."""
    result = checked(spoilt.net, spoilt.right)
    if result.verdict == "pass" and not result.diagnosis:
        return []
    said = [str(d) for d in result.diagnosis] or ["no diagnosis"]
    return [f"{spoilt.net.setting}: {result.verdict}: {text}" for text in said]


def named(part: Part, spoilt: Spoilt, options: argparse.Namespace) -> Iterator[Answer]:
    """Yield what is said of each mistake in one network, or of one of each class."""
    classes: dict[str, list[Mistake]] = defaultdict(list)
    for mistake in spoilt.mistakes:
        if not options.only or mistake.fault.name in options.only:
            classes[mistake.fault.name].append(mistake)
    rng = np.random.default_rng(spoilt.net.setting.seed)
    for mistakes in classes.values():
        some = mistakes if options.every_layer else [mistakes[rng.integers(len(mistakes))]]
        for mistake in some:
            result = checked(spoilt.net, mistake.gradient)
            first = result.diagnosis[0] if result.diagnosis else None
            yield Answer(
                part.name, str(spoilt.net.setting), mistake.fault.name, mistake.layer,
                score_of(first, mistake.expected), said(first),
                result.timings.get("diagnosis", 0.0), result.timings["total"],
                result.verdict == "pass" and options.noise > 0.0,
            )  # fmt: skip


def said(diagnosis: Any) -> str:
    """Return a diagnosis in short."""
    if diagnosis is None:
        return "nothing"
    where = diagnosis.tensor or "+".join(diagnosis.tensors)
    c = "" if diagnosis.constant is None else f" {diagnosis.constant:.6g}"
    return f"{diagnosis.kind}{c} of {where}{'' if diagnosis.is_exact else ' (not exact)'}"


# ------------------------------------------------------------ what is printed


def report(answers: list[Answer], accused: list[str], options: argparse.Namespace) -> None:
    """Print totals and the worst classes."""
    scored = [a for a in answers if not a.is_hidden]
    print(totals(answers))
    shown = [a for a in scored if options.show_held_out or a.part != "held out"]
    if any(not a.score.is_right for a in shown):
        print()
        print(worst(shown))
    if options.failures:
        print()
        for a in shown:
            if not a.score.is_right:
                print(f"{a.fault}, layer {a.layer} [{a.setting}]: {a.said}")
    print()
    print(f"right gradients that were accused: {len(accused)}")
    for text in accused:
        print(f"  {text}")


def totals(answers: list[Answer]) -> str:
    """Return the shares of right answers, by part of the split."""
    head = ["settings", "networks", "classes", "mistakes", "kind", "address", "constant", "all",
            "hidden", "diagnosis", "check"]  # fmt: skip
    rows = []
    for part in dict.fromkeys(a.part for a in answers):
        these = [a for a in answers if a.part == part]
        scored = [a for a in these if not a.is_hidden]
        rows.append([
            part, str(len({a.setting for a in these})), str(len({a.fault for a in these})),
            str(len(scored)), percent(a.score.kind for a in scored),
            percent(a.score.address for a in scored), percent(a.score.constant for a in scored),
            percent(a.score.is_right for a in scored), str(len(these) - len(scored)),
            f"{1e3 * np.mean([a.seconds for a in these]):.1f} ms",
            f"{1e3 * np.mean([a.check for a in these]):.1f} ms",
        ])  # fmt: skip
    return table(head, rows)


def percent(flags: Any) -> str:
    """Return a share."""
    values = [bool(flag) for flag in flags]
    return f"{sum(values) / len(values):.2%}" if values else ""


def worst(answers: list[Answer]) -> str:
    """Return the classes that are named wrongly most often, and what they are called instead."""
    classes: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        classes[answer.fault].append(answer)
    ordered = sorted(classes, key=lambda n: np.mean([a.score.is_right for a in classes[n]]))
    rows = []
    for name in ordered[:WORST]:
        wrong = [a for a in classes[name] if not a.score.is_right]
        if wrong:
            text, n = Counter(short(a.said) for a in wrong).most_common(1)[0]
            share = f"{len(classes[name]) - len(wrong)}/{len(classes[name])}"
            rows.append([name, share, f"{text} ({n})"])
    return table(["fault", "right", "commonest wrong answer"], rows)


def short(text: str) -> str:
    """Return what was said without numbers and names."""
    return text.split(" of ")[0].split(" ")[0] if text != "nothing" else text


if __name__ == "__main__":
    raise SystemExit(main())
