"""The work model: how far an application gets with what it is granted.

*Flexible Scheduling of Distributed Analytic Applications* (Pace, Venzano, Carra, Michiardi; CCGrid 2017),
section 3: with C core and E elastic instances an application runs for T; with g of the elastic ones, what is left
of it takes (1 - progress) · T · (C + E) / (C + g).
"""

from __future__ import annotations


def time_left(size: float, progress: float, core: int, elastic: int, granted: int) -> float:
    """Seconds until its end with `granted` elastic instances; `size` is T, `progress` from 0 to 1."""
    return (1.0 - progress) * size * (core + elastic) / (core + granted)


def progress_made(seconds: float, size: float, core: int, elastic: int, granted: int) -> float:
    """The part of its work that it does in so many seconds with `granted` elastic instances."""
    if size <= 0:
        return 1.0
    return seconds * (core + granted) / ((core + elastic) * size)
