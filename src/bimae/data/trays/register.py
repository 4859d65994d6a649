"""Which seed of the scan is which seed of the photo: one affine map between the two views.

Points are (x, y): x to the right, y down, 0 in the middle of the first pixel.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from bimae.data.trays.outline import least_rectangle
from bimae.data.trays.segment import Found, Segmentation
from bimae.data.trays.votes import voted
from bimae.errors import DataError

Points = NDArray[np.float64]
Matrix = NDArray[np.float64]

LEAST_PAIRS = 3
LEAST_SHARE = 0.6  # of the seeds of the view that shows fewer
FEW = 0.85  # of them: with fewer pairs, other parts of the tray are compared as well
ROUGH = 0.2  # radii: and where the pairs lie farther apart, as on a grid that is off by a row
ROUNDS = 25
MIRRORED = 2
NEAR = 1.0  # seed radii: a pair of a good registration is nearer
CLEAR = 4.0  # by this much (natural logarithm) one registration has to be likelier than another
SURE = (0.03, 0.03)  # radii and logarithm of areas: no pair is known better
NONE = 0.3  # the logarithms of areas of seeds that are not the same scatter about as much
SHEARED = 1.6  # no camera stretches one direction by more
THIN = 0.15  # width to length of a row of seeds that tells nothing about the other direction
FEW_PAIRS = 6  # are laid on each other by turning and scaling alone


@dataclass(frozen=True)
class Registration:
    """How the two views lie on each other.

    Attributes:
        matrix: [3, 3] maps x, y of the scan to x, y of the photo.
        partner: Number of a seed in the scan -> its number in the photo.
        residual: Median distance of the pairs, in radii of a seed.
        mirrored: Whether one view is a mirror image of the other.
        notes: What a person should know, a line each.
        alone: Numbers of the seeds that have no partner, in the scan and in the photo.
    """

    matrix: Matrix
    partner: dict[int, int]
    residual: float
    mirrored: bool
    notes: tuple[str, ...] = ()
    alone: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())


@dataclass(frozen=True)
class _Fit:
    matrix: Matrix
    pairs: NDArray[np.int64]  # [n, 2] places in the two lists
    residual: float
    likelihood: float  # logarithm: how much better than no match the places and areas fit
    plainness: int  # 0 upright, 1 turned, 2 mirrored


def register(scan: Segmentation, photo: Segmentation) -> Registration:
    """Finds the affine map under which the seeds of the scan fall on those of the photo.

    It starts from the tray's outline where both views show one, from the outline of all seeds and
    from the pictures' frames, in all quarter turns and mirrored, pairs nearest seeds and fits
    again until nothing changes. The result is taken whose pairs are most, lie nearest and have
    areas most in one ratio; of equals the plainest.

    Args:
        scan: The spectral view.
        photo: The RGB view.

    Raises:
        DataError: Too few seeds fall on each other.
    """
    ours, theirs = _points(scan.objects), _points(photo.objects)
    least = min(len(ours), len(theirs))
    if least < LEAST_PAIRS:
        raise DataError(
            f"{len(ours)} seeds in the scan and {len(theirs)} in the photo; at least "
            f"{LEAST_PAIRS} in each are needed to lay one over the other: use --pairing order"
        )
    areas = [np.log([o.area for o in part.objects]) for part in (scan, photo)]
    fits = [
        fit
        for start, plainness in _starts(scan, photo)
        if (fit := _refined(start, ours, theirs, areas, plainness=plainness)) is not None
    ]
    best = max((len(fit.pairs) for fit in fits), default=0)
    if not any(len(fit.pairs) >= FEW * least and fit.residual <= ROUGH for fit in fits):
        fits += _by_votes(ours, theirs, areas)
        best = max((len(fit.pairs) for fit in fits), default=0)
    needed = max(LEAST_PAIRS, round(LEAST_SHARE * least))
    if best < needed:
        raise DataError(
            f"only {best} of {least} seeds fall on each other in scan and photo, at least {needed} "
            "are expected; does the photo show this tray? (--pairing order pairs by position)"
        )
    equals = _equals([fit for fit in fits if len(fit.pairs) >= needed])
    chosen = min(equals, key=lambda fit: (fit.plainness, -fit.likelihood))
    pairs = {
        scan.objects[a].number: photo.objects[b].number
        for a, b in chosen.pairs  # both lists are in the order of the numbers
    }
    taken = set(pairs.values())
    return Registration(
        _without_cut(chosen, scan, photo),
        pairs,
        chosen.residual,
        bool(np.linalg.det(chosen.matrix[:2, :2]) < 0),
        tuple(_doubts(chosen, equals)),
        (
            tuple(f.number for f in scan.objects if f.number not in pairs),
            tuple(f.number for f in photo.objects if f.number not in taken),
        ),
    )


def _without_cut(fit: _Fit, scan: Segmentation, photo: Segmentation) -> Matrix:
    """The map by whole seeds alone: of a seed that is cut, each view shows another middle."""
    whole = [
        (a, b)
        for a, b in fit.pairs.tolist()
        if "cut" not in scan.objects[a].flags + photo.objects[b].flags
    ]
    if len(whole) < FEW_PAIRS:
        return fit.matrix
    ours, theirs = _points(scan.objects), _points(photo.objects)
    mirrored = bool(np.linalg.det(fit.matrix[:2, :2]) < 0)
    here, there = np.array(whole).T
    return _fitted(ours[here], theirs[there], mirrored)


def _equals(fits: list[_Fit]) -> list[_Fit]:
    """The likeliest, and those that are not clearly less likely."""
    most = max(fit.likelihood for fit in fits)
    return [fit for fit in fits if fit.likelihood >= most - CLEAR]


def pair_by_order(scan: Segmentation, photo: Segmentation) -> dict[int, int]:
    """The first seed with the first, the second with the second, in reading order.

    Raises:
        DataError: The views show different numbers of seeds.
    """
    if len(scan.objects) != len(photo.objects):
        raise DataError(
            f"{len(scan.objects)} seeds in the scan and {len(photo.objects)} in the photo; the "
            "same number is needed to pair by order: remove what is not in both, or use --pairing "
            "register"
        )
    return {a.number: b.number for a, b in zip(scan.objects, photo.objects, strict=True)}


def mapped(matrix: Matrix, points: Points) -> Points:
    """[n, 2] points under a map."""
    return np.asarray(points @ matrix[:2, :2].T + matrix[:2, 2], np.float64)


def _points(objects: tuple[Found, ...]) -> Points:
    return np.array([o.centroid[::-1] for o in objects], np.float64).reshape(-1, 2)


def _starts(scan: Segmentation, photo: Segmentation) -> Iterator[tuple[Matrix, int]]:
    """Maps to begin with, and how plain each is."""
    outlines = []
    if scan.tray is not None and photo.tray is not None:
        outlines.append((scan.tray[:, ::-1], photo.tray[:, ::-1]))
    around = [least_rectangle(_points(part.objects)[:, ::-1]) for part in (scan, photo)]
    if around[0] is not None and around[1] is not None:
        outlines.append((around[0][:, ::-1], around[1][:, ::-1]))
    outlines.append((_frame(scan), _frame(photo)))
    for ours, theirs in outlines:
        for mirrored in (False, True):
            corners = theirs[[1, 0, 3, 2]] if mirrored else theirs
            for turn in range(4):
                plainness = MIRRORED if mirrored else int(turn > 0)
                yield affine(np.asarray(ours), np.roll(corners, -turn, axis=0)), plainness


def _by_votes(ours: Points, theirs: Points, areas: list[NDArray[np.float64]]) -> list[_Fit]:
    """Registrations of two views that show different parts of a tray."""
    fits = []
    for start, mirrored in voted(ours, theirs, (areas[0], areas[1])):
        upright = abs(np.arctan2(start[1, 0], start[0, 0])) < np.pi / 4
        plainness = MIRRORED if mirrored else int(not upright)
        fit = _refined(start, ours, theirs, areas, plainness=plainness, rough=2.5)
        if fit is not None:
            fits.append(fit)
    return fits


def _frame(part: Segmentation) -> Points:
    height, width = part.labels.shape
    x, y = width - 0.5, height - 0.5
    return np.array([(-0.5, -0.5), (x, -0.5), (x, y), (-0.5, y)])


def affine(ours: Points, theirs: Points) -> Matrix:
    """The affine map that takes points nearest to others (least squares), from 3 pairs on."""
    known = np.column_stack([ours, np.ones(len(ours))])
    solved = np.linalg.lstsq(known, theirs, rcond=None)[0]
    matrix = np.eye(3)
    matrix[:2] = solved.T
    return matrix


def similar(ours: Points, theirs: Points, mirrored: bool) -> Matrix:
    """The turn, scale and shift that takes points nearest to others, after mirroring x if asked."""
    flip = np.array([-1.0 if mirrored else 1.0, 1.0])
    ones, others = ours * flip, theirs
    z, w = (points @ (1, 1j) for points in (ones - ones.mean(axis=0), others - others.mean(axis=0)))
    factor = complex(np.vdot(z, w) / max(float(np.vdot(z, z).real), 1e-12))
    matrix = np.eye(3)
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    matrix[:2, :2] = turn * flip
    matrix[:2, 2] = others.mean(axis=0) - matrix[:2, :2] @ ours.mean(axis=0)
    return matrix


def _fitted(ours: Points, theirs: Points, mirrored: bool) -> Matrix:
    """The map of some pairs, with no more freedom than they can tell about."""
    spread = np.linalg.svd(ours - ours.mean(axis=0), compute_uv=False)
    if len(ours) < FEW_PAIRS or spread[1] < THIN * spread[0]:
        return similar(ours, theirs, mirrored)
    return affine(ours, theirs)


def _refined(
    matrix: Matrix,
    ours: Points,
    theirs: Points,
    areas: list[NDArray[np.float64]],
    *,
    plainness: int,
    rough: float = 6.0,  # seed radii by which a start may be off
) -> _Fit | None:
    tree = cKDTree(theirs)
    radius = float(np.sqrt(np.exp(np.median(areas[1])) / np.pi))
    mirrored = bool(np.linalg.det(matrix[:2, :2]) < 0)
    pairs = np.zeros((0, 2), np.int64)
    for turn in range(ROUNDS):
        reach = max(rough * 0.7**turn, NEAR) * radius
        found = _mutual(mapped(matrix, ours), theirs, tree, reach)
        if len(found) < LEAST_PAIRS:
            return None
        if np.array_equal(found, pairs) and reach <= NEAR * radius:
            break
        pairs = found
        matrix = _fitted(ours[pairs[:, 0]], theirs[pairs[:, 1]], mirrored)
    distance = np.linalg.norm(mapped(matrix, ours)[pairs[:, 0]] - theirs[pairs[:, 1]], axis=1)
    near = distance <= NEAR * radius
    pairs, distance = pairs[near], distance[near] / radius
    stretch = np.linalg.svd(matrix[:2, :2], compute_uv=False)
    if len(pairs) < LEAST_PAIRS or stretch[0] > SHEARED * stretch[1]:
        return None
    ratio = areas[1][pairs[:, 1]] - areas[0][pairs[:, 0]]
    off = np.minimum(np.abs(ratio - np.median(ratio)), NONE)
    scatter = np.hypot(SURE, [np.sqrt(np.mean(distance**2)), np.sqrt(np.mean(off**2))])
    likelihood = len(pairs) * float(2 * np.log(NEAR / scatter[0]) + np.log(NONE / scatter[1]))
    return _Fit(matrix, pairs, float(np.median(distance)), likelihood, plainness)


def _mutual(
    placed: Points, theirs: Points, tree: "cKDTree[object]", reach: float
) -> NDArray[np.int64]:
    """Pairs of points that are each other's nearest and nearer than `reach`."""
    distance, there = tree.query(placed)
    _, back = cKDTree(placed).query(theirs)
    here = np.arange(len(placed))
    mutual = (back[there] == here) & (distance <= reach)
    return np.column_stack([here[mutual], there[mutual]]).astype(np.int64)


def _doubts(chosen: _Fit, equals: list[_Fit]) -> Iterator[str]:
    if chosen.plainness == MIRRORED:
        yield "the photo is a mirror image of the scan"
    pairs = {tuple(pair) for pair in chosen.pairs.tolist()}
    for fit in equals:
        other = {tuple(pair) for pair in fit.pairs.tolist()}
        if len(pairs & other) < 0.5 * len(pairs):
            yield (
                "seeds lie so regularly that the photo fits in more than one way; the plainest was "
                "taken: look at the picture"
            )
            return
