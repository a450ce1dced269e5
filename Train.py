#!/usr/bin/env python3
"""Trains a model: `python Train.py --config base_modern.yaml [key=value ...]`.

This is `paribus train base_modern.yaml [key=value ...]`, and takes the same options.
"""

import argparse
import sys


def main() -> int:
    """Hands the arguments to `paribus train`; returns its exit code."""
    from paribus.cli.main import run

    parser = argparse.ArgumentParser(
        description="Train a model. Further arguments go to: paribus train (see its --help)",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config", default="base_modern.yaml", help="a file, or a name below configs/"
    )
    known, rest = parser.parse_known_args()
    return run(["train", known.config, *rest])


if __name__ == "__main__":
    sys.exit(main())
