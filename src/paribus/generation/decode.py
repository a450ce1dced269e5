"""Generation: a prompt goes in, text comes out as it is made.

prompt -> ids -> prefill (the whole prompt at once) -> decode (one id at a time) -> pieces of text
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from paribus.errors import ConfigError
from paribus.generation.config import SamplingConfig
from paribus.generation.sampling import TokenScores, choose
from paribus.generation.stream import StoppableText
from paribus.model.cache import Cache
from paribus.model.transformer import Transformer
from paribus.tokenizer.tokenizer import Tokenizer

Ids = Int[Tensor, " seq"]
Finish = Literal["end_of_text", "stop", "max_tokens", "context"]
"""Why a text ends: by itself, at a stop string, at the number asked for, at the model's context."""


class Continuation:
    """The text behind a prompt: an iterator over pieces of whole characters.

    `finish` says why the text ended, once it has; `n_tokens` counts the tokens made so far.
    """

    def __init__(self, pieces: Iterator[str], decoding: "Decoding", text: StoppableText):
        self._pieces, self._decoding, self._text = pieces, decoding, text

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    @property
    def finish(self) -> Finish | None:
        """Why the text ended; None while it goes on."""
        return "stop" if self._text.stopped else self._decoding.finish

    @property
    def n_tokens(self) -> int:
        """Tokens made so far."""
        return self._decoding.n_tokens


class Decoding:
    """The ids that a model puts behind a prompt, one after another.

    The prompt and all but the last new id are read once each and kept in a cache, so the text ends
    when model.context_length ids are read.
    """

    def __init__(
        self,
        model: Transformer,
        prompt: Ids,
        *,
        max_tokens: int,
        end_of_text: int | None,
        sampling: SamplingConfig,
        generator: torch.Generator,
    ):
        self.finish: Finish | None = None
        self.n_tokens = 0
        self._model, self._prompt = model, prompt
        self._max_tokens, self._end_of_text = max_tokens, end_of_text
        self._sampling, self._generator = sampling, generator

    def __iter__(self) -> Iterator[int]:
        cache, unread = self._model.new_cache(), self._prompt
        context_length = self._model.config.context_length
        while self.n_tokens < self._max_tokens:
            if cache.length + len(unread) > context_length:
                self.finish = "context"
                return
            scores = next_scores(self._model, unread, cache)
            token_id = choose(scores, self._sampling, self._generator)
            if token_id == self._end_of_text:
                self.finish = "end_of_text"
                return
            self.n_tokens += 1
            yield token_id
            unread = torch.tensor([token_id], device=unread.device)
        self.finish = "max_tokens"


def generate(
    model: Transformer,
    tokenizer: Tokenizer,
    prompt: str,
    *,
    max_tokens: int,
    sampling: SamplingConfig,
    seed: int,
    stop: Sequence[str] = (),
) -> Continuation:
    """Continues `prompt` piece by piece; no character is cut, and no stop string is passed on.

    The text of the prompt never becomes a special token; an empty one starts behind the end-of-text
    token, where documents begin. The end-of-text token, one of `stop`, `max_tokens` tokens and the
    model's context end the text. Equal seeds give equal texts. Raises ConfigError for a prompt that
    the context has no room for.
    """
    if max_tokens < 1:
        raise ConfigError(f"max_tokens: expected a whole number from 1 up, found {max_tokens}")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"seed: expected a whole number from 0 to {2**63 - 1}, found {seed}")
    device = model.output_weight.device
    decoding = Decoding(
        model,
        encode_prompt(tokenizer, prompt, model.config.context_length).to(device),
        max_tokens=max_tokens,
        end_of_text=tokenizer.end_of_text,
        sampling=sampling,
        generator=torch.Generator().manual_seed(seed),
    )
    text = StoppableText(tokenizer.decode_stream(decoding), stop)
    return Continuation(iter(text), decoding, text)


def encode_prompt(tokenizer: Tokenizer, prompt: str, context_length: int) -> Ids:
    """The ids of a prompt, at least one and at most `context_length`.

    Bytes of a command line that are no UTF-8 (PEP 383) are taken as they are.
    """
    try:
        ids = tokenizer.encode(prompt.encode("utf-8", "surrogateescape")).tolist()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"prompt: expected text, found half a character at position {error.start}"
        ) from error
    if not ids:
        if tokenizer.end_of_text is None:
            raise ConfigError(
                "prompt: expected some text, found none, and the tokenizer has no end-of-text "
                "token to start from. Give a prompt"
            )
        ids = [tokenizer.end_of_text]
    if len(ids) > context_length:
        raise ConfigError(
            f"prompt: expected at most {context_length} tokens (model.context_length), "
            f"found {len(ids)}. Shorten it"
        )
    return torch.tensor(ids)


@torch.inference_mode()
def next_scores(model: Transformer, unread: Ids, cache: Cache) -> TokenScores:
    """The scores of the token behind `unread`, which the cache then holds too."""
    return model.logits(model.hidden(unread[None], cache)[:, -1:])[0, 0]
