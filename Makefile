# What a change goes through. `make check` before it is handed over; `make safety` too where it
# touches files or C++.

.PHONY: help check format format-check lint types test cpp-test cpp-warnings safety torture bench-gpu clean
.DEFAULT_GOAL := help

UV ?= uv run
LINT := $(UV) --group lint
FUZZ_SECONDS ?= 15
FUZZ_RUNS ?= 5000000

CPP_FILES := $(wildcard cpp/*/*.h cpp/*/*.cpp cpp/*/*/*.h cpp/*/*/*.cpp)

help: ## say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /  make \1:  /p' Makefile

check: format-check lint types test cpp-warnings cpp-test ## all that a change must pass

format: ## format Python and C++
	$(LINT) ruff format
	$(LINT) ruff check --fix-only --select I
	$(LINT) clang-format -i $(CPP_FILES)

format-check: ## fail where formatting would change a file
	$(LINT) ruff format --check
	$(LINT) clang-format --dry-run -Werror $(CPP_FILES)

lint: ## ruff's rules
	$(LINT) ruff check

types: ## pyright
	$(LINT) pyright

test: ## Python tests
	$(UV) pytest

BENCH_GPU := $(UV) paribus bench train --device cuda --precision bf16 --rounds 3

bench-gpu: ## tests on a GPU, then training steps there beside the libraries that are installed
	$(UV) pytest -m gpu || test $$? -eq 5
	$(BENCH_GPU) --shape small
	$(BENCH_GPU) --shape 124m

# C++: CMakePresets.json names the builds, each in build/<name>/; CMakeLists.txt holds their flags.
# CMake and Ninja come from the dependency group `cpp`. Ninja uses all cores by itself, and cannot
# share the job slots of this make.

CPP := env -u MAKEFLAGS $(UV) --only-group cpp

define CPP_BUILD
$(CPP) cmake --preset $(1) $(2)
$(CPP) cmake --build --preset $(1)
endef

cpp-warnings: ## every warning about our C++ is an error
	$(call CPP_BUILD,plain)

cpp-test: ## C++ tests
	$(call CPP_BUILD,plain)
	$(CPP) ctest --preset plain

safety: ## sanitizers and fuzzing
	$(call CPP_BUILD,address,"-DPARIBUS_FUZZ_OPTIONS=-max_total_time=$(FUZZ_SECONDS)")
	$(CPP) ctest --preset address
	$(call CPP_BUILD,thread)
	$(CPP) ctest --preset thread

# Takes hours: run it once when an issue touches the core.
torture: ## `safety` and the tokenizer's tests at full size
	$(call CPP_BUILD,address,"-DPARIBUS_FUZZ_OPTIONS=-max_total_time=86400;-runs=$(FUZZ_RUNS)")
	$(CPP) ctest --preset address --tests-regex fuzz_
	$(CPP) python tools/seeded_bugs.py
	PARIBUS_TORTURE=10 $(UV) pytest -m "not gpu and not peers" --durations=20 tests/tokenizer
	$(UV) python tests/tokenizer/shapes.py --megabytes 1 64 --one-line 1024

clean: ## remove what the C++ targets built
	rm -rf build/plain build/address build/thread build/libfuzzer
