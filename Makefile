# The front door. `make demo` and `make test` each work as the first command on a bare Debian 12 or Ubuntu 24.04.
.DEFAULT_GOAL := build
.PHONY: deps build test test-slow demo bench bench-peers asan tsan dev fuzz format lint clean install docs golden-update

# The binary is build/gimbal. With CI set, warnings are errors.
CTEST := ctest --output-on-failure --no-tests=error -j $(shell nproc)
CONFIGURED := build/build.ninja

deps:
	@scripts/deps.sh build

$(CONFIGURED): CMakeLists.txt CMakePresets.json
	@cmake --preset release $(if $(CI),-DGIMBAL_WERROR=ON) > build-configure.log 2>&1 && rm -f build-configure.log || { cat build-configure.log; rm -f build-configure.log; exit 1; }

build: deps
	@$(MAKE) --no-print-directory $(CONFIGURED)
	@ninja -C build --quiet

test: build
	@cd build && $(CTEST) -L quick

test-slow: build
	@cd build && $(CTEST) -L slow

demo: build
	@build/gimbal tour

bench: build
	@scripts/bench.sh

bench-peers: build
	@bench/peers/run.sh

# Address and undefined-behaviour sanitizers over the quick tests.
asan: deps
	@[ -f build-asan/build.ninja ] || cmake --preset asan $(if $(CI),-DGIMBAL_WERROR=ON) > /dev/null
	@ninja -C build-asan --quiet
	@cd build-asan && $(CTEST) -L quick

tsan: deps
	@[ -f build-tsan/build.ninja ] || cmake --preset tsan > /dev/null
	@ninja -C build-tsan --quiet
	@cd build-tsan && TSAN_OPTIONS="suppressions=$(CURDIR)/tests/tsan.supp" $(CTEST) -L quick

dev: deps
	@[ -f build-dev/build.ninja ] || cmake --preset dev > /dev/null
	@ninja -C build-dev --quiet

# libFuzzer needs clang: each target runs for FUZZ_S seconds from its corpus.
FUZZ_S ?= 60
fuzz:
	@scripts/fuzz.sh $(FUZZ_S)

format:
	@scripts/deps.sh lint
	@git ls-files '*.h' '*.cc' | xargs clang-format-19 -i

lint:
	@scripts/deps.sh lint
	@scripts/check_layers.py
	@git ls-files '*.h' '*.cc' | xargs clang-format-19 --dry-run --Werror
	@scripts/check_links.py

# What is generated from the command definitions: docs/cli.md and the man page.
docs: build
	@mkdir -p docs/man
	@build/gimbal docs --cli-md > docs/cli.md
	@build/gimbal docs --man > docs/man/gimbal.1

golden-update: build
	@GIMBAL_GOLDEN_UPDATE=1 tests/golden/run.py

install: build
	@cmake --install build $(if $(PREFIX),--prefix $(PREFIX))

clean:
	@rm -rf build build-dev build-asan build-tsan build-fuzz
