"""Our loop and the one by hand, as `rumbo bench` has them."""

from peers.work import Round
from rumbo.speed import races


def ours(row: str) -> Round:
    race = races.get(row)(None)[0]
    return _round(race.ours, race.items)


def by_hand(row: str) -> Round:
    race = races.get(row)(None)[0]
    return _round(race.by_hand, race.items)


def _round(train, items: int) -> Round:
    def one_round() -> tuple[int, float]:
        losses = train()
        return items * len(losses), sum(losses) / len(losses)

    return one_round
