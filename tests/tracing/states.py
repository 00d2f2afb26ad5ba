"""What a loss can reach, as something that can be compared with what it was."""

from fastcheck.tracing.walk import Walk


def state_of(*roots):
    """Return all slots with the identities of what they hold, and the bits of all arrays."""
    walk = Walk(roots)
    slots = [(id(s.owner), _key(s.key), id(s.value)) for s in walk.slots]
    contents = [
        (id(c), [id(x) for x in (c.values() if isinstance(c, dict) else c)], _keys(c))
        for c, _ in walk._contents
    ]
    arrays = {id(a): (a.tobytes(), a.strides, a.flags.writeable) for a in walk.arrays()}
    return walk, (slots, contents, arrays)


def _key(key):
    return key if isinstance(key, (str, int, type(None))) else repr(key)


def _keys(container):
    return list(container) if isinstance(container, dict) else None


def assert_unchanged(before, *roots):
    """Assert that nothing differs from an earlier state, which keeps its objects alive."""
    _, now = state_of(*roots)
    for old, new in zip(before[1], now, strict=True):
        assert old == new
