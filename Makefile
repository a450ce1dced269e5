# What a change goes through. `make check` before it is handed over; `make safety` too where it
# touches files or C++.

.PHONY: help check format format-check lint types test cpp-test cpp-warnings safety torture bench-gpu clean
.DEFAULT_GOAL := help

CXX ?= g++
UV ?= uv run
FUZZ_SECONDS ?= 15
FUZZ_RUNS ?= 5000000

CPP_FILES := $(wildcard cpp/*/*.h cpp/*/*.cpp)
BPE := $(wildcard cpp/bpe/*.cpp)
CPP_TESTS := $(wildcard cpp/tests/*.cpp)
ORACLES := $(filter-out cpp/tests/main.cpp cpp/tests/test_%.cpp,$(CPP_TESTS))
FUZZERS := $(patsubst cpp/fuzz/%.cpp,%,$(wildcard cpp/fuzz/fuzz_*.cpp))
WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Werror

help: ## say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /  make \1:  /p' Makefile

check: format-check lint types test cpp-warnings cpp-test ## all that a change must pass

format: ## format Python and C++
	$(UV) ruff format
	$(UV) ruff check --fix-only --select I
	$(UV) clang-format -i $(CPP_FILES)

format-check: ## fail where formatting would change a file
	$(UV) ruff format --check
	$(UV) clang-format --dry-run -Werror $(CPP_FILES)

lint: ## ruff's rules
	$(UV) ruff check

types: ## pyright
	$(UV) pyright

test: ## Python tests
	$(UV) pytest

BENCH_GPU := $(UV) paribus bench train --device cuda --precision bf16 --rounds 3

bench-gpu: ## tests on a GPU, then training steps there beside the libraries that are installed
	$(UV) pytest -m gpu || test $$? -eq 5
	$(BENCH_GPU) --shape small
	$(BENCH_GPU) --shape 124m

# C++: build/<name>/ holds the objects and programs of one set of compiler flags.

FLAGS_plain := -O2
# -O1 keeps more of what the sanitizers look at, and takes half the time to compile.
SANITIZED := -O1 -g1 -fno-omit-frame-pointer
FLAGS_address := $(SANITIZED) -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_thread := $(SANITIZED) -fsanitize=thread

# Those of cpp/tests/check.h: the plain build runs all rounds.
ROUNDS_address := -DPARIBUS_ONE_ROUND_IN=4
ROUNDS_thread := -DPARIBUS_ONE_ROUND_IN=10

# A fuzzer sees which blocks of the core a run enters.
COVERAGE_address := -fsanitize-coverage=trace-pc

# One file an instruction set; which of them runs is chosen on the processor it runs on.
ifeq ($(shell uname -m),x86_64)
FLAGS_OF_scan_avx2 := -mavx2 -mbmi -mlzcnt -fno-tree-slp-vectorize
FLAGS_OF_scan_avx512 := -mavx512bw -mavx512vbmi2 -mbmi -mlzcnt -fno-tree-slp-vectorize
endif

# Failing allocations are tested where the linker can hand the calls over.
ifeq ($(shell uname),Linux)
WRAP := -Wl,--wrap=realloc
endif

define BUILD
build/$(1)/%.o: cpp/%.cpp $(filter %.h,$(CPP_FILES)) $(wildcard cpp/bpe/*.inc) Makefile
	@mkdir -p $$(@D)
	$(CXX) -std=c++20 $(WARNINGS) -Icpp $$(FLAGS_$(1)) $$(FLAGS_OF_$$(*F)) \
	    $$(if $$(filter bpe/%,$$*),$$(COVERAGE_$(1)),$$(ROUNDS_$(1))) -pthread -c $$< -o $$@

build/$(1)/bpe_tests: $(CPP_TESTS:cpp/%.cpp=build/$(1)/%.o) build/$(1)/fuzz/coverage.o \
        $(BPE:cpp/%.cpp=build/$(1)/%.o)
	$(CXX) $$(FLAGS_$(1)) -pthread $$^ $(WRAP) -o $$@

build/$(1)/fuzz_%: build/$(1)/fuzz/fuzz_%.o build/$(1)/fuzz/driver.o build/$(1)/fuzz/coverage.o \
        $(ORACLES:cpp/%.cpp=build/$(1)/%.o) $(BPE:cpp/%.cpp=build/$(1)/%.o)
	$(CXX) $$(FLAGS_$(1)) -pthread $$^ -o $$@
endef
$(foreach name,plain address thread,$(eval $(call BUILD,$(name))))
.PRECIOUS: build/plain/%.o build/address/%.o build/thread/%.o

cpp-test: build/plain/bpe_tests ## C++ tests
	build/plain/bpe_tests

# The binding is compiled against Python's and nanobind's headers, whose own warnings do not count.
cpp-warnings: ## every warning in our C++ is an error
	@for file in $(BPE) $(CPP_TESTS) $(wildcard cpp/fuzz/*.cpp); do \
	    echo "$(CXX) -fsyntax-only $(WARNINGS) $$file"; \
	    case $$file in *_avx2.cpp) flags="$(FLAGS_OF_scan_avx2)";; \
	        *_avx512.cpp) flags="$(FLAGS_OF_scan_avx512)";; *) flags=;; esac; \
	    $(CXX) -std=c++20 -fsyntax-only $(WARNINGS) $$flags -Icpp $$file || exit 1; \
	done
	$(CXX) -std=c++20 -fsyntax-only $(WARNINGS) -Icpp cpp/bindings/module.cpp \
	    $$($(UV) --with nanobind python -c "import nanobind, sysconfig; \
	        print('-isystem', nanobind.include_dir(), '-isystem', sysconfig.get_path('include'))")

# The full sizes, for hours: once an issue touches the core.
torture: $(FUZZERS:%=build/address/%) build/plain/bpe_tests ## the full sizes of what `safety` and the suite do
	@for fuzzer in $(FUZZERS); do \
	    echo "build/address/$$fuzzer -runs=$(FUZZ_RUNS)"; \
	    build/address/$$fuzzer -max_total_time=86400 -runs=$(FUZZ_RUNS) || exit 1; \
	done
	$(UV) python cpp/fuzz/seeded_bugs.py
	PARIBUS_TORTURE=10 $(UV) pytest -m "not gpu and not peers" --durations=20 tests/tokenizer
	$(UV) python tests/tokenizer/shapes.py --megabytes 1 64 --one-line 1024

safety: build/address/bpe_tests build/thread/bpe_tests $(FUZZERS:%=build/address/%) ## sanitizers and fuzzing
	build/address/bpe_tests
	build/thread/bpe_tests thread
	@for fuzzer in $(FUZZERS); do \
	    echo "build/address/$$fuzzer -max_total_time=$(FUZZ_SECONDS)"; \
	    build/address/$$fuzzer -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

clean: ## remove what the C++ targets built
	rm -rf build/plain build/address build/thread
