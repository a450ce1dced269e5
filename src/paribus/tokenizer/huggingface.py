"""`tokenizer.json` of Hugging Face's tokenizers: every step spelled out, and read strictly.

Pretokens are cut by `Split` with one of our patterns and `ByteLevel(use_regex=False)`. GPT-2's own
files say `ByteLevel(use_regex=True)`, which is the pattern gpt2.
"""

from typing import Any

from paribus.errors import DataError
from paribus.tokenizer.byte_names import token_name, tokens_from_names
from paribus.tokenizer.names import (
    checked_ids,
    ids_by_name,
    merges_from_names,
    vocabulary_with_ids,
)
from paribus.tokenizer.patterns import EXPRESSIONS, name_of
from paribus.tokenizer.vocabulary import Vocabulary

_ADVICE = "Paribus would give other ids than the tool that wrote this file"
_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
_PLAIN_TOKEN = {"single_word": False, "lstrip": False, "rstrip": False}
_PLAIN_MODEL = {
    "dropout": (None, 0, 0.0),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "ignore_merges": (None, False),
}


def as_json(vocabulary: Vocabulary) -> dict[str, Any]:
    """The content of `tokenizer.json`."""
    added = [
        {"id": i, "content": text, **_PLAIN_TOKEN, "normalized": False, "special": True}
        for i, text in vocabulary.special_tokens
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": _pre_tokenizer(vocabulary.pattern),
        "post_processor": None,
        "decoder": {**_BYTE_LEVEL, "use_regex": False},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            # Special tokens too: tokenizers would else number them anew.
            "vocab": ids_by_name(vocabulary),
            "merges": [[token_name(a), token_name(b)] for a, b in vocabulary.merges],
        },
    }


def from_json(content: dict[str, Any]) -> Vocabulary:
    """The vocabulary of a `tokenizer.json`.

    Raises DataError where the file is not well formed, or where its ids come from steps that
    Paribus does not take: a normalizer, another model, another pattern.
    """
    for name in ("normalizer", "truncation", "padding"):
        if content.get(name) is not None:
            raise DataError(f"{name}: expected null, found {_kind(content[name])}. {_ADVICE}")
    if content.get("post_processor") and _kind(content["post_processor"]) != "ByteLevel":
        found = _kind(content["post_processor"])
        raise DataError(f"post_processor: expected null or ByteLevel, found {found}. {_ADVICE}")
    model = _checked_model(content.get("model"))
    specials = _special_tokens(content.get("added_tokens") or [])
    ids = dict(checked_ids(model.get("vocab")))
    for i, text in specials:
        if ids.pop(text, i) != i:
            raise DataError(f"added token {text[:80]!r}: expected id {i} in vocab, found another")
    tokens = _tokens(list(ids))
    merges = merges_from_names(_merge_names(model.get("merges")), tokens)
    pattern = _pattern(content.get("pre_tokenizer"))
    by_token = {token: ids[name] for name, token in tokens.items()}
    return vocabulary_with_ids(pattern, specials, by_token, merges)


def _pre_tokenizer(pattern: str) -> dict[str, Any]:
    if pattern == "none":
        return {**_BYTE_LEVEL, "use_regex": False}
    cut = {
        "type": "Split",
        "pattern": {"Regex": EXPRESSIONS[pattern]},
        "behavior": "Isolated",
        "invert": False,
    }
    return {"type": "Sequence", "pretokenizers": [cut, {**_BYTE_LEVEL, "use_regex": False}]}


def _pattern(step: Any) -> str:
    """The name of the pattern that a pre-tokenizer stands for."""
    steps = step.get("pretokenizers") if _kind(step) == "Sequence" else [step]
    kinds = [_kind(item) for item in steps] if isinstance(steps, list) else []
    if kinds == ["Split", "ByteLevel"] and not _byte_level_cuts(steps[1]):
        return _split_pattern(steps[0])
    if kinds == ["ByteLevel"]:
        return "gpt2" if _byte_level_cuts(steps[0]) else "none"
    raise DataError(
        "pre_tokenizer: expected ByteLevel, or Split and ByteLevel that does not cut, found "
        f"{' and '.join(kinds) or 'none'}. {_ADVICE}"
    )


def _byte_level_cuts(step: dict[str, Any]) -> bool:
    if step.get("add_prefix_space", True) is not False:
        raise DataError(f"pre_tokenizer: expected add_prefix_space false, found true. {_ADVICE}")
    return step.get("use_regex", True) is not False


def _split_pattern(step: dict[str, Any]) -> str:
    way = (step.get("behavior"), step.get("invert"))
    if way != ("Isolated", False):
        raise DataError(
            f"pre_tokenizer: expected Split that is Isolated and not inverted, found {way}. "
            f"{_ADVICE}"
        )
    pattern = step.get("pattern")
    expression = pattern.get("Regex") if isinstance(pattern, dict) else None
    name = name_of(expression) if isinstance(expression, str) else None
    if name is None:
        raise DataError(
            f"pre_tokenizer: expected the regular expression of {', '.join(EXPRESSIONS)}, found "
            f"{str(expression)[:80]!r}. {_ADVICE}"
        )
    return name


def _checked_model(model: Any) -> dict[str, Any]:
    if not isinstance(model, dict) or model.get("type", "BPE") != "BPE":
        raise DataError(f"model: expected BPE, found {_kind(model)}. {_ADVICE}")
    for key, plain in _PLAIN_MODEL.items():
        if model.get(key) not in plain:
            raise DataError(f"model: expected no {key}, found {str(model[key])[:80]}. {_ADVICE}")
    return model


def _special_tokens(items: Any) -> list[tuple[int, str]]:
    if not isinstance(items, list):
        raise DataError(f"added_tokens: expected a list, found {type(items).__name__}")
    specials: list[tuple[int, str]] = []
    for item in items:
        i, text = (item.get("id"), item.get("content")) if isinstance(item, dict) else (None, None)
        if type(i) is not int or not isinstance(text, str):
            raise DataError(f"added_tokens: expected id and content of each, found {item!r:.80}")
        unusual = [key for key in _PLAIN_TOKEN if item.get(key)]
        if unusual or not item.get("special"):
            what = f"{unusual[0]} true" if unusual else "special false"
            raise DataError(
                f"added token {text[:80]!r}: expected a plain special token, found {what}. "
                f"{_ADVICE}"
            )
        specials.append((i, text))
    return specials


def _merge_names(items: Any) -> list[list[str]]:
    """Merges as pairs of names; older files write "left right"."""
    if not isinstance(items, list):
        raise DataError(f"merges: expected a list, found {type(items).__name__}")
    merges = [item.split(" ") if isinstance(item, str) else item for item in items]
    for place, names in enumerate(merges):
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DataError(f"merge {place}: expected two names of tokens, found {names!r:.80}")
    return merges


def _tokens(names: list[str]) -> dict[str, bytes]:
    tokens: dict[str, bytes] = {}
    for name, token in zip(names, tokens_from_names(names), strict=True):
        if token is None:
            raise DataError(
                f"token {name[:80]!r}: expected a name over GPT-2's visible bytes, found another"
            )
        tokens[name] = token
    return tokens


def _kind(step: Any) -> str:
    return str(step.get("type", "none"))[:80] if isinstance(step, dict) else "none"
