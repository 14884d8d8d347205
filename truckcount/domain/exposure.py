"""What was not watched of a bin to the error that this leaves in its count."""

CONTINUITY = 0.5  # trucks: nothing seen in part of a bin is not surely nothing


def exposure_se(n: float, coverage_share: float) -> float:
    """Return the standard error of n / f: of a Poisson stream seen for a share f.

    sqrt((n + 1/2) (1 - f)) / f, with phi = 1 (features.md 4.2); 0 for a bin that was
    watched wholly.

    Parameters
    ----------
    n : float
        Trucks seen.
    coverage_share : float
        Share of the bin that was watched, above 0; more than 1 is taken as 1.

    Examples
    --------
    >>> exposure_se(6, 1.0)
    0.0
    >>> round(exposure_se(14, 0.75), 3)
    2.539
    """
    f = min(coverage_share, 1.0)
    return float(((n + CONTINUITY) * (1 - f)) ** 0.5 / f)
