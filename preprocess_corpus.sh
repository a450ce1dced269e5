#!/usr/bin/env bash
# Encodes text into token shards. Set any variable below in front of the command:
#   TOKENIZER=tokenizers/owt FILES=data/raw/owt_train.txt OUT=data/owt ./preprocess_corpus.sh
# Further arguments go to `paribus data prepare`.
set -euo pipefail

TOKENIZER="${TOKENIZER:-tokenizers/tinystories}"
FILES="${FILES:-data/raw/TinyStoriesV2-GPT4-train.txt}" # files, folders or patterns, one per line
THREADS="${THREADS:-}"                                  # empty: all cores
OUT="${OUT:-data/tinystories}"                          # must not exist

files=()
while IFS= read -r file; do
    files+=("$file")
done <<< "$FILES"
${PARIBUS:-uv run paribus} data prepare "${files[@]}" --tokenizer "$TOKENIZER" \
    ${THREADS:+--threads "$THREADS"} --out "$OUT" "$@"
