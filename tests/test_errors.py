"""How messages count."""

import pytest

from bimae.errors import count


@pytest.mark.parametrize(
    ("number", "words", "told"),
    [
        (1, ("sample",), "1 sample"),
        (0, ("sample",), "0 samples"),
        (4583, ("sample",), "4,583 samples"),
        (1, ("class",), "1 class"),
        (2, ("class",), "2 classes"),
        (3, ("box",), "3 boxes"),
        (1, ("group lies", "groups lie"), "1 group lies"),
        (2, ("group lies", "groups lie"), "2 groups lie"),
    ],
)
def test_a_number_and_what_it_counts(number, words, told):
    assert count(number, *words) == told
