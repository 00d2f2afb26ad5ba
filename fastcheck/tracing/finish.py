"""From the tape to a recording: what matters, with chains of item assignments drawn together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastcheck.errors import TraceError
from fastcheck.tracing.functions import assembled, assigned
from fastcheck.tracing.recording import Call, Guard, Recording, Ref, refs

if TYPE_CHECKING:
    from fastcheck.tracing.tape import Tape

__all__ = ["MAX_BYTES", "finished"]

MAX_BYTES = 512 << 20


def finished(tape: Tape, output: int) -> Recording:
    """Return the recording of a tape.

    Parameters
    ----------
    tape : Tape
        Closed by this.
    output : int
        The call that is the loss.

    Raises
    ------
    TraceError
        If the values of all calls would need more than 512 MB.
    """
    tape.is_open = False
    calls = list(tape.calls)
    roots = [output, *tape.marks.values(), *(g.index for g in tape.guards), *tape.params.values()]
    _draw_together(calls, roots)
    live = _live(calls, roots)
    new = {old: k for k, old in enumerate(live)}
    kept = [_renumbered(calls[old], new) for old in live]
    _limit(kept)
    return Recording(
        kept,
        {name: new[i] for name, i in tape.params.items()},
        new[output],
        [Guard(g.kind, new[g.index], g.seen, g.place) for g in tape.guards],
        {name: new[i] for name, i in tape.marks.items()},
        {new[i]: name for i, name in tape.data.items() if i in new},
        {new[i]: axis for i, axis in tape.batch.items() if i in new},
        list(tape.notes),
    )


def _live(calls: list[Call], roots: list[int]) -> list[int]:
    seen: set[int] = set()
    stack = list(roots)
    while stack:
        index = stack.pop()
        if index not in seen:
            seen.add(index)
            stack += refs((calls[index].args, calls[index].kwargs))
    return sorted(seen)


def _draw_together(calls: list[Call], roots: list[int]) -> None:
    """Make one `assembled` of each chain of `assigned` whose links nothing else uses."""
    uses = dict.fromkeys(range(len(calls)), 0)
    for index in _live(calls, roots):
        for i in refs((calls[index].args, calls[index].kwargs)):
            uses[i] += 1
    for index in roots:
        uses[index] += 2
    for index in range(len(calls) - 1, -1, -1):
        if calls[index].function is assigned and uses[index]:
            calls[index] = _chain(calls, index, uses)


def _chain(calls: list[Call], last: int, uses: dict[int, int]) -> Call:
    """Return the call that makes all assignments of a chain, or the last of them if it is alone."""
    links = [calls[last]]
    while True:
        before = links[-1].args[0]
        if not isinstance(before, Ref) or uses[before.index] != 1:
            break
        if calls[before.index].function is not assigned:
            break
        links.append(calls[before.index])
    if len(links) == 1:
        return links[0]
    for link in links[1:]:
        uses[link.index] = 0
    links.reverse()
    keys, values = tuple(c.args[1] for c in links), tuple(c.args[2] for c in links)
    return replace(calls[last], function=assembled, args=(links[0].args[0], keys, values))


def _renumbered(call: Call, new: dict[int, int]) -> Call:
    args, kwargs = _moved(call.args, new), _moved(call.kwargs, new)
    return replace(call, index=new[call.index], args=args, kwargs=kwargs)


def _moved(x: Any, new: dict[int, int]) -> Any:
    kind = type(x)
    if kind is Ref:
        return Ref(new[x.index])
    if kind is tuple or kind is list:
        return kind([_moved(y, new) for y in x])
    if kind is dict:
        return {k: _moved(y, new) for k, y in x.items()}
    if kind is slice:
        return slice(*(_moved(y, new) for y in (x.start, x.stop, x.step)))
    return x


def _limit(calls: list[Call]) -> None:
    sizes = [_bytes(call) for call in calls]
    if sum(sizes) > MAX_BYTES:
        largest = calls[max(range(len(calls)), key=sizes.__getitem__)]
        raise TraceError(
            f"the values of the graph need {sum(sizes) >> 20} MB, more than {MAX_BYTES >> 20} MB "
            f'(largest at {largest.place}); use a smaller batch or engine="black box"'
        )


def _bytes(call: Call) -> int:
    size = call.dtype.itemsize
    for n in call.shape:
        size *= n
    return size
