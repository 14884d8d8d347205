"""A region's name to the dates of its holidays."""

import difflib
from typing import Any

from truckcount.errors import FeatureError


def find_holidays(region: str) -> Any:
    """Return what holds the dates of a region's holidays, of any year.

    Parameters
    ----------
    region : str
        A country, as ``US``, or a part of it, as ``DE-BY``: ISO 3166 codes.

    Raises
    ------
    FeatureError
        When the extra ``calendar`` is not installed, or does not know the region.
    """
    try:
        import holidays
    except ModuleNotFoundError as error:
        msg = (
            f"holidays={region!r} needs the package holidays: "
            "pip install 'truckcount[calendar]', or give the dates themselves"
        )
        raise FeatureError(msg) from error
    country, _, part = region.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError as error:
        known = holidays.list_supported_countries()
        raise FeatureError(_spell_unknown(country, part, known)) from error


def _spell_unknown(country: str, part: str, known: dict[str, list[str]]) -> str:
    if country not in known:
        what, seen, there = "country", country, sorted(known)
    else:
        what, seen, there = f"part of {country}", part, sorted(known[country])
    near = difflib.get_close_matches(seen.upper(), there, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    names = ", ".join(there) if there else f"none, only {country} as a whole"
    return f"holidays know no {what} {seen!r}{hint}; known are: {names}"
