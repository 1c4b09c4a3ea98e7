# Everything a newcomer needs: make demo, make test. Both install what is missing, system packages included.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# a newer Python, whose unit tests test-all runs; nothing where the machine has none
PYTHON313 ?= $(shell python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null)
ASC := $(BIN)/asc-kit
# apt-get as root, or through sudo; a machine without it gets the list of what to install
APT := $(if $(filter 0,$(shell id -u)),apt-get,sudo apt-get)

.PHONY: help demo test test-all test-313 bench-engine fuzz check format setup setup-test clean

help:
	@echo "make demo         train, export, build firmware, boot it on an emulated board, measure, report (5 minutes)"
	@echo "make test         style, types and tests"
	@echo "make test-all     the same with the slow ones: soaks, attacks, full matrices; before a release"
	@echo "make test-313     the unit tests under Python 3.13, where there is one (PYTHON313=…); test-all runs them too"
	@echo "make check        style and types alone"
	@echo "make bench-engine estimated cycles, instructions and bytes of the engine on every emulated core; BOARDS=… MODELS=\"NAME FILE.tflite\""
	@echo "make fuzz         10 minutes of damaged models for the reader (FUZZ_SECONDS=…)"
	@echo "make format       put the sources into the house's format"

demo: setup
	$(ASC) demo

test: check
	$(BIN)/python -m pytest -n auto --dist worksteal --durations=25 $(PYTEST_ARGS)

# every test, marked slow or not, with and without oneDNN: what TensorFlow computes differs between processors
test-all: check
	TF_ENABLE_ONEDNN_OPTS=1 $(BIN)/python -m pytest -n auto --dist worksteal --durations=25 -m "" $(PYTEST_ARGS)
	TF_ENABLE_ONEDNN_OPTS=0 $(BIN)/python -m pytest -n auto --dist worksteal tests/pipeline $(PYTEST_ARGS)
	$(if $(PYTHON313),$(MAKE) test-313,@echo "no Python 3.13 here: its tests are left out; PYTHON313=… names one")

test-313:
	$(PYTHON313) -m venv $(VENV)-313
	$(VENV)-313/bin/pip install --quiet --disable-pip-version-check -e '.[dev]'
	$(VENV)-313/bin/python -m pytest -n auto --dist worksteal -p no:cacheprovider tests/unit $(PYTEST_ARGS)

bench-engine: setup
	$(BIN)/python benchmarks/engine.py --boards "$(BOARDS)" --models "$(MODELS)" $(if $(KERNELS),--kernels $(KERNELS)) $(if $(OPTIMIZE),--optimize $(OPTIMIZE)) \
		$(if $(PER_OPERATOR),--per-operator)

fuzz: setup-test
	$(BIN)/python tests/fuzz/fuzz_reader.py --seconds $(or $(FUZZ_SECONDS),600)

check: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files '*.c' '*.h' | xargs -r $(BIN)/clang-format --dry-run --Werror

format: setup-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	git ls-files '*.c' '*.h' | xargs -r $(BIN)/clang-format -i

setup: $(VENV)/.installed
	@$(call install_packages,demo)

setup-test: $(VENV)/.installed
	@$(call install_packages,test)

# the venv module and the installer inside it are packages of their own on Debian
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV) || { $(APT) update && $(APT) install -y python3-venv && $(PYTHON) -m venv $(VENV); }
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

define install_packages
missing="$$($(ASC) doctor --for $(1) --missing-packages)"; \
if [ -n "$$missing" ]; then \
	if ! command -v apt-get >/dev/null; then echo "install these, then run make again:" $$missing >&2; exit 1; fi; \
	$(APT) update -qq && DEBIAN_FRONTEND=noninteractive $(APT) install -y -qq --no-install-recommends $$missing; \
fi; \
$(ASC) doctor --for $(1) >/dev/null
endef

clean:
	rm -rf asc-kit-demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
