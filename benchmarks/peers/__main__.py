"""fastcheck beside others: ``python -m benchmarks.peers table|growth|faults|page``.

``table`` measures time, error and verdicts of each peer on three problems at full size, ``growth``
how time and memory grow with the network, ``faults`` which planted mistakes each peer misses over
many networks. ``page`` writes what was measured into ``docs/comparison.md`` and measures nothing.

Exit status 1 if what is compared is not equal.
"""

from __future__ import annotations

from benchmarks.peers.command import main

if __name__ == "__main__":
    raise SystemExit(main())
