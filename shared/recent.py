"""A dictionary that stays small, for what is kept only to save looking it up again."""

from collections import OrderedDict


class Recent[K, V](OrderedDict[K, V]):
    """Beyond `most` entries the one that was remembered longest ago goes; `move_to_end` makes one count as new again."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def remember(self, key: K, value: V) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > self._most:
            self.popitem(last=False)
