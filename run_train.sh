#!/usr/bin/env bash
# Trains a model. Set any variable below in front of the command:
#   CONFIG=ablation_prenorm OVERRIDES="training.steps=2000 schedule.warmup_steps=200" ./run_train.sh
# Further arguments go to `paribus train`, as in ./run_train.sh training.time="20 minutes"
set -euo pipefail

CONFIG="${CONFIG:-base_modern.yaml}" # a file, or a name below configs/
OVERRIDES="${OVERRIDES:-}"           # key=value, separated by spaces

set -f # OVERRIDES is split at spaces; its brackets and stars are not file patterns
# shellcheck disable=SC2086
${PARIBUS:-uv run paribus} train "$CONFIG" $OVERRIDES "$@"
