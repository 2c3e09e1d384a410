"""What is told of a return."""

from collections.abc import Sequence
from dataclasses import dataclass

from channels.returns.domain import GoodsReturn, Line
from channels.returns.risk import QualityRisk


@dataclass(frozen=True, slots=True)
class ReturnCredited:
    """Goods came back and were taken; `lines` are what settlement takes back of the order."""

    goods_return: GoodsReturn
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class ReturnRejected:
    """The company does not take goods back."""

    goods_return: GoodsReturn


@dataclass(frozen=True, slots=True)
class QualityRiskRaised:
    """More of a product came back than is allowed."""

    risk: QualityRisk
