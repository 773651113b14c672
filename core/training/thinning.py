"""Which of many steps are kept where all would take too much: evenly spread ones, fewer as the training gets longer."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Thinning"]


@dataclass
class Thinning:
    """Chooses the steps of which something large is kept.

    Attributes:
        most_bytes: What all of them may take.
        most: How many there may be.
        stride: Of so many steps one is kept; doubles each time that there are too many.
        numbers: What is kept, in ascending order.
    """

    most_bytes: int
    most: int
    stride: int = 1
    numbers: list[int] = field(default_factory=list)
    _waiting: int = 0

    def admits(self, size: int) -> bool:
        """Return whether the next one, which takes so many bytes, is to be kept."""
        if size > self.most_bytes:
            return False
        self._waiting += 1
        if self.numbers and self._waiting < self.stride:
            return False
        self._waiting = 0
        return True

    def add(self, number: int, size: int) -> list[int]:
        """Note that one is kept, and return those that make room for it.

        Args:
            number: Which one, larger than those before.
            size: Bytes that it takes, as each of the others does.
        """
        self.numbers.append(number)
        dropped: list[int] = []
        while len(self.numbers) > 2 and (len(self.numbers) > self.most or len(self.numbers) * size > self.most_bytes):
            # The first and the newest stay.
            leaving = self.numbers[1:-1:2]
            self.numbers = [each for each in self.numbers if each not in leaving]
            self.stride *= 2
            dropped += leaving
        return dropped
