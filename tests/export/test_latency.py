"""Several ways of getting an answer, timed in turn."""

from bimae.export.latency import in_turn


def test_turns_are_taken_and_the_first_answer_is_not_counted() -> None:
    asked: list[str] = []
    ready = {name: lambda name=name: asked.append(name) for name in "ab"}
    seconds = in_turn(ready, turns=2, block=2)
    assert "".join(asked) == "aaabbb" * 2
    assert [len(times) for times in seconds.values()] == [4, 4]
    asked.clear()
    in_turn(ready, turns=2, block=1)
    assert "".join(asked) == "abab"
