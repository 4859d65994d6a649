"""What is said of maps, on the page and in the terminal."""

from collections.abc import Iterator

from bimae.explain.explainer import Key
from bimae.explain.trust import Reason, Trust
from bimae.report.explain.facts import SIMULATED, Facts

KINDS = {
    "bands": "ranges of bands",
    "tiles": "tiles of the RGB image",
    "regions": "regions of the spectral image",
}
METHODS = {
    "occlusion": "taken out",
    "relevance": "attention with its gradient",
    "rollout": "attention rollout",
}

SHORT: dict[Reason, str] = {  # for a terminal
    "chance": "no gain",
    "random": "like random",
    "few": "few samples",
}


def name(key: Key) -> str:
    """Of a kind of map: `ranges of bands, taken out`."""
    kind, method = key
    return f"{KINDS[kind]}, {METHODS[method]}"


def gain(one: Trust) -> str:
    """`+0.21 ± 0.02`; the error is left out where it is not known."""
    error = "" if one.error != one.error else f" ± {one.error:.2f}"
    return f"{signed(one.gain)}{error}"


def signed(value: float) -> str:
    """To a hundredth, with its sign; nothing is never below 0."""
    return f"{round(value, 2) + 0.0:+.2f}"


def verdict(one: Trust) -> str:
    """Whether to believe such maps."""
    return "; ".join(one.doubts) or "nothing speaks against it"


def lines(facts: Facts) -> Iterator[str]:
    """For a terminal."""
    mark = f"{SIMULATED} " * bool(facts.simulated)
    count = len(facts.explained)
    seeds = f"{count} sample{'s' * (count != 1)}"
    yield f"{mark}what carried {facts.model}'s answers to {seeds} of {facts.name}"
    yield f"shown    {facts.shown}; each answer is held against {facts.against}"
    if facts.explainer.model.discriminant is not None:
        yield f"answers  {facts.answers}"
    if facts.explainer.stand_in is not None:
        yield (
            f"bands    {facts.width:.3g} {facts.unit} at a time become "
            f"{facts.explainer.stand_in.words}"
        )
    if not facts.trust:
        return
    checked = f"checked  on {next(iter(facts.trust.values())).samples} of them"
    yield f"{checked:<36}gain over chance  like random  doubts"
    for key, one in facts.trust.items():
        view, method = key
        reasons = ", ".join(SHORT[reason] for reason in one.reasons) or "none"
        named = f"  {view}, {METHODS[method]}"
        yield f"{named:<36}{gain(one):>16}  {signed(one.alike):>11}  {reasons}"
