"""Each row of a batch draws by itself, and ends by itself."""

from __future__ import annotations

from threading import Event

import torch

from annotation.machine.chat import Message, Question
from annotation.machine.inprocess.steering import OTHERWISE, Chance, Drawing, Ending, choose_chance

LOGITS = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))


def _draw(times: int, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> list[float]:
    """How often each of four tokens is drawn."""
    drawing = Drawing([Chance(temperature, 7)], "cpu", top_k, top_p)
    tokens = [int(drawing(torch.empty(0), LOGITS[None]).argmax()) for _ in range(times)]
    return [tokens.count(token) / times for token in range(4)]


def test_tokens_are_drawn_as_often_as_the_model_says() -> None:
    drawn = torch.tensor(_draw(4000))
    assert torch.allclose(drawn, LOGITS.exp(), atol=0.03)


def test_a_temperature_sharpens() -> None:
    drawn = torch.tensor(_draw(4000, temperature=0.5))
    assert torch.allclose(drawn, (LOGITS / 0.5).softmax(-1), atol=0.03)


def test_unlikely_tokens_can_be_left_out() -> None:
    assert [share > 0 for share in _draw(1000, top_k=3)] == [True, True, True, False]
    assert [share > 0 for share in _draw(1000, top_p=0.7)] == [True, True, False, False]
    assert [share > 0 for share in _draw(100, top_p=0.1)] == [True, False, False, False]


def test_rows_neither_disturb_each_other_nor_those_that_draw_nothing() -> None:
    rows = torch.stack([LOGITS, LOGITS, LOGITS])
    chances = [Chance(1.0, 1), Chance(0.0, 2), Chance(1.0, 3)]
    together = Drawing(chances, "cpu", 0, 1.0)(torch.empty(0), rows)
    alone = Drawing(chances[2:], "cpu", 0, 1.0)(torch.empty(0), rows[2:])
    assert torch.equal(together[2], alone[0])
    assert torch.equal(together[1], LOGITS)
    assert not torch.equal(together[0], together[2])


def test_a_forbidden_token_stays_forbidden() -> None:
    logits = torch.tensor([[0.0, float("-inf")]])
    drawing = Drawing([Chance(1.0, 1)], "cpu", 0, 1.0)
    assert all(int(drawing(torch.empty(0), logits).argmax()) == 0 for _ in range(200))


def test_rows_end_at_their_limits_and_all_when_it_is_closed() -> None:
    closed = Event()
    ending = Ending([2, 5], prompt=10, closed=closed)
    assert ending(torch.zeros(2, 11), None).tolist() == [False, False]
    assert ending(torch.zeros(2, 12), None).tolist() == [True, False]
    closed.set()
    assert ending(torch.zeros(2, 11), None).tolist() == [True, True]


def test_chance_comes_from_the_question_and_the_attempt() -> None:
    def chance(text: str, attempt: int, temperature: float = 0.0) -> Chance:
        return choose_chance(Question((Message("user", text),), None, 9, attempt), temperature)

    assert chance("What?", 0).temperature == 0
    assert chance("What?", 1).temperature == OTHERWISE
    assert chance("What?", 1, temperature=0.3).temperature == 0.3
    assert chance("What?", 1) == chance("What?", 1)
    assert len({chance(text, attempt).seed for text in "ab" for attempt in (0, 1, 2)}) == 6
