# isocl: `make demo` shows the driver at work, `make test` checks it. Both install the system
# packages they need on a Debian 12 machine with Rust, and say what they are doing.

PREFIX ?= /usr/local
DESTDIR ?=
CARGO ?= cargo
TARGET := $(CURDIR)/target
SAY = @printf '\n\033[1m==> %s\033[0m\n'
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# Compiler libraries, the ICD loader with clinfo, and PoCL as a peer to compare with.
PACKAGES := g++ llvm-19-dev libclang-19-dev libclang-cpp19-dev clang-19 \
            ocl-icd-libopencl1 ocl-icd-opencl-dev opencl-headers clinfo pocl-opencl-icd python3-venv
# What guests with the kernel driver need.
PACKAGES += gcc make kmod xz-utils cpio busybox-static qemu-system-x86
# The page of the conformance checks is tested in a browser.
PACKAGES += chromium-headless-shell
PYTHON_PACKAGES := pyopencl numpy
VENV := $(TARGET)/python
# Makes only this build of the driver visible to the command that follows.
RELEASE_ENV = OCL_ICD_VENDORS=$(TARGET)/vendors/release ISOCL_PYTHON=$(VENV)/bin/python
TEST_ENV = OCL_ICD_VENDORS=$(TARGET)/vendors/debug ISOCL_CACHE=off ISOCL_PYTHON=$(VENV)/bin/python

.PHONY: help demo test driver-test bench conformance build packages peers python install uninstall clean

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make demo       build, show clinfo in brief, run the examples on the CPU device
demo: build python
	$(SAY) 'The driver as clinfo sees it (visible for this command only)'
	@$(RELEASE_ENV) clinfo -l
	@$(RELEASE_ENV) clinfo | grep -E '^  (Device (Name|Version|OpenCL C all versions)|Max (compute units|memory allocation)|Address bits|Shared Virtual)|^    (.*-grained .* sharing|Atomics) '
	$(SAY) 'The examples'
	@$(RELEASE_ENV) examples/run.sh $(TARGET)/release $(TARGET)/demo

## make test       format check, lints, unit tests, integration tests through the ICD loader
test: packages python
	$(SAY) 'Format'
	$(CARGO) fmt --all --check
	$(SAY) 'Lints (warnings are errors)'
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(SAY) 'Building the driver with debug assertions'
	$(CARGO) build --workspace
	@mkdir -p $(TARGET)/vendors/debug && echo $(TARGET)/debug/libisocl.so > $(TARGET)/vendors/debug/isocl.icd
	$(SAY) 'Unit tests, and integration tests through the ICD loader'
	$(TEST_ENV) $(CARGO) test --workspace
	@$(MAKE) --no-print-directory driver-test

## make driver-test   the kernel driver in guests with two kernels, and the ICD on it (part of test)
driver-test: packages
	$(SAY) 'The kernel driver, in emulated machines'
	@mkdir -p $(TARGET)/vendors/debug && echo $(TARGET)/debug/libisocl.so > $(TARGET)/vendors/debug/isocl.icd
	@kernel-iface/guest/run.sh $(TARGET)

## make bench      isocl beside every installed peer (PoCL, Intel's runtime), as ratios; a table, and
##                 bench.svg and bench.json in the target folder. BENCH='--baseline FILE' compares
bench: build peers
	$(SAY) 'Benchmarks: isocl and its peers in one run'
	@ISOCL_VENDORS=$(TARGET)/vendors/release ISOCL_PEERS=$(TARGET)/vendors/peers \
	    $(TARGET)/release/isocl-bench --svg $(TARGET)/bench.svg --json $(TARGET)/bench.json $(BENCH)

## make conformance   what the OpenCL specification says of SVM, checked on isocl and every installed
##                 peer, beside recorded runs of others; conformance.html, .json and .xml in the target folder
conformance: build peers
	$(SAY) 'Conformance checks: isocl and its peers'
	@ISOCL_CACHE=off $(TARGET)/release/isocl-conformance --implementation isocl=$(TARGET)/vendors/release \
	    $$(for peer in $(TARGET)/vendors/peers/*.icd; do [ -e "$$peer" ] && echo "--peer $$peer"; done) \
	    --html $(TARGET)/conformance.html --recorded --json $(TARGET)/conformance.json \
	    --junit $(TARGET)/conformance.xml $(CONFORMANCE)
	@echo "The page: $(TARGET)/conformance.html"

build: packages
	$(SAY) 'Building the driver, its kernel compiler and the examples (release)'
	$(CARGO) build --release --workspace
	@mkdir -p $(TARGET)/vendors/release && echo $(TARGET)/release/libisocl.so > $(TARGET)/vendors/release/isocl.icd

packages:
	@missing=; for package in $(PACKAGES); do \
	    dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	    printf '\n\033[1m==> %s\033[0m\n' "Installing system packages:$$missing"; \
	    $(SUDO) apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing; \
	fi

python: packages
	@[ -x $(VENV)/bin/python ] && $(VENV)/bin/python -c 'import pyopencl' 2>/dev/null || { \
	    printf '\n\033[1m==> %s\033[0m\n' 'Installing PyOpenCL into target/python (its wheel carries a second ICD loader)'; \
	    python3 -m venv $(VENV) && $(VENV)/bin/pip install -q $(PYTHON_PACKAGES); }

# Intel's CPU runtime comes as a PyPI wheel; without it the comparison runs with PoCL alone.
peers: python
	@[ -e $(TARGET)/vendors/peers/intel.icd ] || { \
	    printf '\n\033[1m==> %s\033[0m\n' "Looking for peers (PoCL from Debian, Intel's runtime from PyPI)"; \
	    mkdir -p $(TARGET)/vendors/peers; \
	    cp /etc/OpenCL/vendors/pocl.icd $(TARGET)/vendors/peers/ 2>/dev/null; \
	    if $(VENV)/bin/pip install -q intel-opencl-rt intel-cmplr-lib-rt; then \
	        ls $(VENV)/lib/libintelocl.so > $(TARGET)/vendors/peers/intel.icd; \
	    else echo "Intel's runtime is not installable here"; fi; }

## make install    library and .icd file where loaders look (DESTDIR, PREFIX=/usr/local)
install: build
	install -d $(DESTDIR)$(PREFIX)/lib/isocl $(DESTDIR)/etc/OpenCL/vendors
	install -m 755 $(TARGET)/release/libisocl.so $(TARGET)/release/libisocl_compiler.so $(DESTDIR)$(PREFIX)/lib/isocl/
	echo $(PREFIX)/lib/isocl/libisocl.so > $(DESTDIR)/etc/OpenCL/vendors/isocl.icd

## make uninstall  removes what install put there
uninstall:
	rm -f $(DESTDIR)/etc/OpenCL/vendors/isocl.icd
	rm -f $(DESTDIR)$(PREFIX)/lib/isocl/libisocl.so $(DESTDIR)$(PREFIX)/lib/isocl/libisocl_compiler.so
	-rmdir $(DESTDIR)$(PREFIX)/lib/isocl

clean:
	$(CARGO) clean
