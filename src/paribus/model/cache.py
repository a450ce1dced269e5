"""Keys and values of the tokens already seen, so that decoding reads each token once."""

from paribus.shapes import Heads, Keys, Values


class LayerCache:
    """Keys and values of one layer, in one buffer for the whole context."""

    def __init__(self, capacity: int):
        self.capacity, self.length = capacity, 0
        self.keys: Keys | None = None
        self.values: Values | None = None

    def append(self, keys: Heads, values: Heads) -> tuple[Keys, Values]:
        """Adds new positions; returns those of all positions so far."""
        if self.keys is None or self.values is None:
            shape = (*keys.shape[:-2], self.capacity, keys.shape[-1])
            self.keys, self.values = keys.new_empty(shape), values.new_empty(shape)
        end = self.length + keys.shape[-2]
        self.keys[..., self.length : end, :] = keys
        self.values[..., self.length : end, :] = values
        self.length = end
        return self.keys[..., :end, :], self.values[..., :end, :]


class Cache:
    """One LayerCache a layer; `length` tokens have been read."""

    def __init__(self, n_layers: int, capacity: int):
        self.layers = [LayerCache(capacity) for _ in range(n_layers)]

    @property
    def length(self) -> int:
        """Tokens read so far: the position of the next one."""
        return self.layers[0].length
