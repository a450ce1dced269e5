#!/usr/bin/env bash
# Continues a text with a trained model. Set any variable below in front of the command:
#   RUN=runs/quickstart PROMPT="One day" TEMPERATURE=0.7 ./run_generate.sh
# Further arguments go to `paribus generate`.
set -euo pipefail

RUN="${RUN:-runs/base_modern-s0}"
PROMPT="${PROMPT-Once upon a time}"
TEMPERATURE="${TEMPERATURE:-0.8}" # 0: always the most likely token
TOP_K="${TOP_K:-}"                # empty: sample from all tokens

${PARIBUS:-uv run paribus} generate "$RUN" --prompt "$PROMPT" --temperature "$TEMPERATURE" \
    ${TOP_K:+--top-k "$TOP_K"} "$@"
