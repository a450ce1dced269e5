#!/usr/bin/env bash
# Trains a tokenizer. Set any variable below in front of the command:
#   VOCAB=32000 CORPUS=data/raw/owt_train.txt OUT=tokenizers/owt ./run_train_bpe.sh
# Further arguments go to `paribus tokenizer train`.
set -euo pipefail

CORPUS="${CORPUS:-data/raw/TinyStoriesV2-GPT4-train.txt}" # a file, a folder or a pattern
VOCAB="${VOCAB:-10000}"                                   # total number of ids
SPECIAL="${SPECIAL:-<|endoftext|>}"                       # a special token; none for none
IMPL="${IMPL:-fast}"                                      # fast (C++) or naive (Python)
THREADS="${THREADS:-}"                                    # empty: all cores
OUT="${OUT:-tokenizers/tinystories}"                      # must not exist

${PARIBUS:-uv run paribus} tokenizer train "$CORPUS" --vocab-size "$VOCAB" --special "$SPECIAL" \
    --impl "$IMPL" ${THREADS:+--threads "$THREADS"} --out "$OUT" "$@"
