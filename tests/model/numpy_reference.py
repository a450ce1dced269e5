"""The whole model once more, in float64 NumPy, straight from the equations: the strongest oracle.

It shares no code with `paribus.model` but the settings, and works position by position where that
is the plainest way to write an equation down.
"""

import math

import numpy as np


def mean_loss(weights: dict[str, np.ndarray], config, tokens, targets) -> float:
    """Mean cross-entropy of rows of ids."""
    losses = []
    for row, wanted in zip(tokens.tolist(), targets.tolist(), strict=True):
        for scores, target in zip(logits(weights, config, np.array(row)), wanted, strict=True):
            shares = np.exp(scores) / np.exp(scores).sum()
            losses.append(-math.log(shares[target]))
    return sum(losses) / len(losses)


def logits(weights: dict[str, np.ndarray], config, tokens: np.ndarray) -> np.ndarray:
    """Scores (seq, vocab) of one sequence of ids (seq)."""
    x = weights["token_embedding.weight"][tokens]
    if config.embedding_scale == "sqrt_d_model":
        x = x * math.sqrt(config.d_model)
    x = x + additive_positions(weights, config, len(tokens))
    for layer in range(config.n_layers):
        part = _below(weights, f"layers.{layer}.")
        x = _residual(x, part, "attention_norm", config, lambda h, p=part: attention(h, p, config))
        x = _residual(x, part, "ffn_norm", config, lambda h, p=part: ffn(h, p, config))
    automatic = config.norm_placement in ("pre", "sandwich", "output")
    if config.final_norm == "on" or (config.final_norm == "auto" and automatic):
        x = norm(x, _below(weights, "final_norm."), config)
    table = "token_embedding.weight" if config.tie_embeddings else "lm_head.weight"
    scores = x @ weights[table].T * config.logit_scale
    if config.logit_softcap is None:
        return scores
    return config.logit_softcap * np.tanh(scores / config.logit_softcap)


def _residual(x, weights, name, config, sublayer):
    def normed(h, which=name):
        return norm(h, _below(weights, f"{which}."), config)

    match config.norm_placement:
        case "pre":
            return x + sublayer(normed(x))
        case "post":
            return normed(x + sublayer(x))
        case "sandwich":
            return x + normed(sublayer(normed(x)), name.replace("_norm", "_output_norm"))
        case "output":
            return x + normed(sublayer(x))
        case "none":
            return x + sublayer(x)


def norm(x, weights, config):
    rows = []
    for row in x:
        if config.norm == "layernorm":
            row = row - row.sum() / len(row)
        mean_square = sum(value * value for value in row) / len(row)
        rows.append(row / math.sqrt(mean_square + config.norm_eps) * weights["weight"])
    return np.array(rows) + weights.get("bias", 0.0)


def attention(x, weights, config):
    width = config.d_model // config.n_heads
    shared_by = config.n_heads // (config.n_kv_heads or config.n_heads)
    q, k, v = (_linear(x, weights, f"{name}_proj") for name in "qkv")
    heads = []
    for head in range(config.n_heads):
        kv = head // shared_by
        one_q = _turned(_head(q, head, weights, "attention.q_norm", config), config)
        one_k = _turned(_head(k, kv, weights, "attention.k_norm", config), config)
        one_v = v[:, kv * width : (kv + 1) * width]
        rows = []
        for position in range(len(x)):
            scores = one_k[: position + 1] @ one_q[position] / math.sqrt(width)
            scores = scores + score_biases(position, head, config)
            shares = np.exp(scores - scores.max())
            rows.append(shares @ one_v[: position + 1] / shares.sum())
        heads.append(np.array(rows))
    return _linear(np.concatenate(heads, axis=1), weights, "o_proj")


def _head(heads, index, weights, norm, config):
    """The columns of one head, each row over its root mean square where q and k are normalized."""
    width = config.d_model // config.n_heads
    rows = heads[:, index * width : (index + 1) * width]
    if config.qk_norm:
        roots = np.sqrt((rows**2).mean(axis=1, keepdims=True) + config.norm_eps)
        rows = rows / roots * weights[f"{norm}.weight"]
    return rows


def _turned(heads, config):
    """Each pair of neighbours turned by its angle, as a 2 x 2 rotation matrix."""
    if config.position.kind != "rope":
        return heads
    result = np.empty_like(heads)
    width = heads.shape[1]
    for position in range(len(heads)):
        for pair in range(width // 2):
            angle = position / config.position.theta ** (2 * pair / width)
            matrix = np.array(
                [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
            )
            here = slice(2 * pair, 2 * pair + 2)
            result[position, here] = matrix @ heads[position, here]
    return result


def score_biases(position, head, config):
    """What is added to the scores of the keys 0 … position."""
    if config.position.kind != "alibi":
        return np.zeros(position + 1)
    slope = alibi_slope(head, config.n_heads)
    return np.array([-slope * (position - key) for key in range(position + 1)])


def alibi_slope(head, n_heads):
    """A geometric sequence from 2^(-8/n); heads beyond a power of two stand between the others."""
    power = max(2**i for i in range(12) if 2**i <= n_heads)
    if head < power:
        return (2 ** (-8 / power)) ** (head + 1)
    return (2 ** (-4 / power)) ** (2 * (head - power) + 1)


def additive_positions(weights, config, n_tokens):
    table = np.zeros((n_tokens, config.d_model))
    if config.position.kind == "learned":
        return weights["position.table.weight"][:n_tokens]
    if config.position.kind == "sinusoidal":
        for position in range(n_tokens):
            for column in range(config.d_model):
                angle = position / 10_000 ** (2 * (column // 2) / config.d_model)
                table[position, column] = math.cos(angle) if column % 2 else math.sin(angle)
    return table


def ffn(x, weights, config):
    up = _linear(x, weights, "up_proj")
    match config.ffn:
        case "swiglu":
            inner = _silu(_linear(x, weights, "gate_proj")) * up
        case "geglu":
            inner = _gelu(_linear(x, weights, "gate_proj")) * up
        case "relu":
            inner = np.maximum(up, 0)
        case "gelu":
            inner = _gelu(up)
        case "silu":
            inner = _silu(up)
        case "relu2":
            inner = np.where(up > 0, up * up, 0)
    return _linear(inner, weights, "down_proj")


def _silu(x):
    return x / (1 + np.exp(-x))


def _gelu(x):
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def _linear(x, weights, name):
    for prefix in ("", "attention.", "ffn."):
        if f"{prefix}{name}.weight" in weights:
            bias = weights.get(f"{prefix}{name}.bias", 0.0)
            return x @ weights[f"{prefix}{name}.weight"].T + bias
    raise KeyError(name)


def _below(weights, prefix):
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
