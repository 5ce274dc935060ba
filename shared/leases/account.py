"""What is spent of an allowance, and what each instance holds of the rest: pure arithmetic on one document's content.

Nothing here lets `spent` and the shares together pass a limit; only what was really spent can. Every number that an instance writes
about itself is absolute, so that a write whose answer was lost can be written again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from shared.documents import Json

KEPT_MS = 3_600_000
"""How long an empty share is kept: its owner may not have heard that its last report arrived, and will report again."""


@dataclass(frozen=True, slots=True)
class Share:
    """One instance's part. `amount` is what it holds, `reserved` how much of that calls under way had at its last report.

    `settled` is all that it ever reported as spent; `presumed` what was counted as spent when the share was taken from it.
    """

    amount: int = 0
    reserved: int = 0
    settled: int = 0
    presumed: int = 0
    until: int = 0


_NONE = Share()


@dataclass(frozen=True, slots=True)
class Account:
    """Times are milliseconds since the epoch."""

    spent: int = 0
    shares: Mapping[str, Share] = field(default_factory=dict)

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        return cls(body["spent"], {instance: Share(**share) for instance, share in body["leases"].items()})

    def body(self, id: str) -> Json:
        leases = {
            instance: {
                "amount": share.amount,
                "reserved": share.reserved,
                "settled": share.settled,
                "presumed": share.presumed,
                "until": share.until,
            }
            for instance, share in self.shares.items()
        }
        return {"schema": 1, "id": id, "spent": self.spent, "leases": leases}

    def share(self, instance: str) -> Share:
        return self.shares.get(instance, _NONE)

    @property
    def held(self) -> int:
        return sum(share.amount for share in self.shares.values())

    @property
    def reserved(self) -> int:
        return sum(share.reserved for share in self.shares.values())

    @property
    def holders(self) -> int:
        return sum(share.amount > 0 for share in self.shares.values())

    def room(self, limit: int, asking: str) -> int:
        """What an instance may still get; negative where the limit was lowered or calls cost more than they had reserved.

        Others' calls under way keep what they have reserved, also where calls before them have used up the share that covered it.
        """
        others = sum(max(share.amount, share.reserved) for name, share in self.shares.items() if name != asking)
        return limit - self.spent - others - self.share(asking).amount

    def report(self, instance: str, settled: int, reserved: int, until: int, reported: int = 0) -> Self:
        """Move what the instance has settled from its share to `spent`, and renew the share.

        `settled` is its total so far, `reported` the total that it knows to be counted, for the case that its share is gone.
        Where the share was reclaimed, what was presumed spent then gives way to what was really spent.
        """
        share = self.shares.get(instance) or Share(settled=reported)
        fresh = settled - share.settled
        renewed = Share(max(0, share.amount - fresh), reserved, settled, 0, until)
        return self._with(instance, renewed, fresh - share.presumed)

    def borrow(self, instance: str, amount: int, limit: int | None) -> Self:
        """Add to the instance's share. Raises ValueError beyond the room that is left."""
        if amount < 0 or (limit is not None and amount > max(0, self.room(limit, instance))):
            raise ValueError("a share cannot grow by that")
        share = self.share(instance)
        return self._with(instance, replace(share, amount=share.amount + amount))

    def give_back(self, instance: str, amount: int) -> Self:
        """Take from the instance's share. Raises ValueError beyond what it holds."""
        share = self.share(instance)
        if not 0 <= amount <= share.amount:
            raise ValueError("a share cannot shrink by that")
        return self._with(instance, replace(share, amount=share.amount - amount))

    def reclaim(self, now: int, asking: str, *, presumes: bool) -> Self:
        """Return what expired shares of others hold. Their calls under way count as spent where the account `presumes` it."""
        account = self
        for instance, share in self.shares.items():
            if instance == asking or now <= share.until:
                continue
            if share.amount or share.reserved:
                account = account._taken_from(instance, presumes=presumes)
            elif now > share.until + KEPT_MS:
                account = account.without(instance)
        return account

    def without(self, instance: str) -> Self:
        return replace(self, shares={name: share for name, share in self.shares.items() if name != instance})

    def _taken_from(self, instance: str, *, presumes: bool) -> Self:
        share = self.share(instance)
        presumed = share.reserved if presumes else 0
        empty = Share(settled=share.settled, presumed=share.presumed + presumed, until=share.until)
        return self._with(instance, empty, presumed)

    def _with(self, instance: str, share: Share, more_spent: int = 0) -> Self:
        return replace(self, spent=self.spent + more_spent, shares={**self.shares, instance: share})
