"""An oracle that knows the errors: exact arithmetic plus noise of a known size."""

from __future__ import annotations

import numpy as np

from fastcheck.directions.reading import Reading, Single

Faults = dict[tuple[str, tuple[int, ...]], float]
TOLERANCE = 6.0
"""Standard deviations of the noise."""


class Simulated:
    """Errors in a few entries, and in whole boxes by arrays that are dense there."""

    def __init__(
        self, shapes: dict[str, tuple[int, ...]], faults: Faults, noise: float, seed: int
    ) -> None:
        self.shapes = shapes
        self.faults = faults
        self.noise = noise
        self.rng = np.random.default_rng([seed, 1])
        self.n_probes = 0
        self.where: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for name, shape in shapes.items():
            mine = [(i, e) for (tensor, i), e in faults.items() if tensor == name]
            places = np.array([i for i, _ in mine], int).reshape(len(mine), len(shape))
            self.where[name] = places, np.array([e for _, e in mine])

    def step(self, name: str) -> float:
        """Return the size of directions."""
        return 1.0

    def quick(self, move: list) -> Reading:
        """Return the exact sum, disturbed."""
        self.n_probes += 1
        total = 0.0
        for box, displacement in move:
            places, errors = self.where[box.name]
            lo = np.array([b[0] for b in box.bounds], int)
            hi = np.array([b[1] for b in box.bounds], int)
            inside = ((places >= lo) & (places < hi)).all(axis=1)
            if inside.any():
                total += np.sum(displacement[tuple((places[inside] - lo).T)] * errors[inside])
        return Reading(total + self.noise * self.rng.standard_normal(), TOLERANCE * self.noise)

    def careful(self, move: list) -> Reading:
        """Return a quick reading, twice if loud."""
        reading = self.quick(move)
        if reading.is_loud:
            reading = self.quick(move)
        return reading

    def single(self, name: str, index: tuple[int, ...]) -> Single:
        """Return one error, disturbed; two probes if it shows."""
        self.n_probes += 1
        error, bound = self.faults.get((name, index), 0.0), TOLERANCE * self.noise
        found = error + self.noise * self.rng.standard_normal()
        if abs(found) > bound:
            self.n_probes += 1
        return Single(found, bound, found, found, abs(found) > bound)
