# Set-up, the demo hub and the tests. Everything is written below ZOE_HOME (.zoe in this folder).
PYTHON ?= python3
ZOE_HOME ?= $(CURDIR)/.zoe
export ZOE_HOME
IN_ENV := $(PYTHON) -m scripts.within

.DEFAULT_GOAL := help
.PHONY: screenshots fuzz prove help hub setup test test-long test-docker test-swarm test-dockerspawner images lint docs wheel bench-attach bench-docker bench-embedded bench-failover bench-scale-down bench-spawn chaos bench-scheduler bench-throughput bench-events bench-footprint bench-faces test-fresh clean experiment

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo "Variables: ZOE_PORT (8000), ZOE_DEMO_PASSWORD (made at start), ZOE_HOME (.zoe), PYTHON (python3)."

hub: ## set up what is missing and start the demo hub on 127.0.0.1; Ctrl-C ends it
	@$(PYTHON) -m scripts.start

setup: ## set up everything for development, and start nothing
	@$(PYTHON) -m scripts.set_up dev

test: lint ## set up and run all checks and tests, JOBS (2) files at a time; what fails is tried once more, alone
	@$(PYTHON) -m scripts.faces test
	@$(IN_ENV) python -m pytest -n $${JOBS:-2} --dist loadfile || { \
	  status=$$?; test $$status = 1 || exit $$status; \
	  echo "Some failed. Once more, one by one: who fails beside others only waits too impatiently for a busy machine."; \
	  $(IN_ENV) python -m pytest --last-failed --last-failed-no-failures none; }

test-long: setup ## run the tests that take minutes: two people's clusters and their walk by clicking, clusters that follow their load, no Hub
	@$(IN_ENV) python -m pytest -m long

test-docker: setup ## run the tests that need a Docker engine (ZOE_TEST_DOCKER_HOST, else /var/run/docker.sock), those of test-swarm among them
	@$(IN_ENV) python -m pytest -m docker

test-swarm: setup ## of these, only those that need two machines of a swarm, which they make of this one (as root, with dockerd and ip)
	@$(IN_ENV) python -m pytest -m docker tests/backends/swarm

images: wheel ## build the images of all frameworks and of the Hub (ONLY, BASE_IMAGE, IMAGE_PREFIX=zoe, DOCKER, CA_FILE, IMAGES_LOCK)
	@$(PYTHON) -m scripts.images

test-dockerspawner: setup ## run DockerSpawner's own tests on ZoeDockerSpawner, with the engine that DOCKER_HOST names
	@$(IN_ENV) python scripts/dockerspawner_tests.py

screenshots: setup ## let a browser take the pictures of docs/images (needs Debian's package chromium)
	@ZOE_SCREENSHOTS=1 $(IN_ENV) python -m pytest -q -m slow tests/web/pages/test_in_browser.py tests/faces

lint: setup ## run ruff and mypy, and what checks the TypeScript side
	@$(IN_ENV) ruff check .
	@$(IN_ENV) ruff format --check .
	@$(IN_ENV) mypy
	@$(IN_ENV) mypy scripts
	@$(PYTHON) -m scripts.faces lint

docs: setup ## write docs/reference from the code
	@$(IN_ENV) python -m scripts.reference

wheel: setup ## build the wheel into dist/
	@$(PYTHON) -m scripts.faces wheel
	@$(IN_ENV) python -m build --wheel

bench-attach: setup ## measure attaching a cluster against starting one by hand
	@set -e; for each in benchmarks/attach*.py; do $(IN_ENV) python "$$each"; done

bench-docker: setup ## measure servers and clusters in containers against DockerSpawner and a shell script (DOCKER_HOST)
	@set -e; for each in spawn attach crowd; do $(IN_ENV) python "benchmarks/containers_$$each.py"; done

bench-embedded: setup ## measure the time from the end of pip to the first result of Spark in JupyterLab, without a Hub
	@PYTHONPATH=$(CURDIR) $(IN_ENV) python benchmarks/embedded.py

bench-scale-down: setup ## count what a Spark job loses when two of four workers go (ZOE_BENCH_WAYS=all: other ways too)
	@$(IN_ENV) python benchmarks/scale_down.py

bench-spawn: setup ## measure spawning a server against SimpleLocalProcessSpawner
	@$(IN_ENV) python benchmarks/spawn.py

chaos: setup ## kill Zoe KILLS times at random instants, by the plan of SEED, and look what was lost or doubled
	@$(IN_ENV) python -m tests.chaos $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

fuzz: setup ## send 10,000 bad documents and 30 times as many requests as `make test`; ZOE_SEED says which
	@ZOE_MUTATIONS=$${ZOE_MUTATIONS:-10000} ZOE_EXAMPLES=$${ZOE_EXAMPLES:-300} $(IN_ENV) python -m pytest -q tests/hostile -o timeout=3600

prove: setup ## put every scheduling policy through 12,000 steps of everything that can happen
	@ZOE_PROVE_EXAMPLES=$${ZOE_PROVE_EXAMPLES:-200} ZOE_PROVE_STEPS=$${ZOE_PROVE_STEPS:-60} $(IN_ENV) python -m pytest -q tests/scheduler/test_machine.py -o timeout=3600

bench-failover: setup ## kill, stop and cut off the one of two services that leads, and measure until the other one does
	@PYTHONPATH=$(CURDIR) $(IN_ENV) python benchmarks/failover.py

bench-throughput: setup ## measure executions per second, from submission to ended, on an engine that does nothing
	@PYTHONPATH=$(CURDIR) $(IN_ENV) python benchmarks/throughput.py

experiment: setup ## every policy under every order (SIZE=small|medium|full SEEDS=20 JOBS=…; ALL=1: all scenarios; PAGE=1: write the page; MORE=1: only its part on more nodes and other loads)
	@$(IN_ENV) python benchmarks/experiment.py $(if $(SIZE),--size $(SIZE)) $(if $(SEEDS),--seeds $(SEEDS)) \
	  $(if $(JOBS),-j $(JOBS)) $(if $(ALL),--all) $(if $(PAGE),--page) $(if $(MORE),--more)

bench-scheduler: setup ## measure decisions on 10,000 nodes with 100,000 in line (GROWTH=1: on smaller ones first; PLOT=file.svg: plot that)
	@PYTHONPATH=$(CURDIR) $(IN_ENV) python benchmarks/scheduler.py $(if $(GROWTH)$(PLOT),--growth) $(if $(PLOT),--plot $(PLOT))

bench-events: setup ## measure the time from a change to a subscriber's event at 1,000 live executions
	@$(IN_ENV) python benchmarks/events.py

bench-faces: setup ## measure the panel in a browser: its size, when it is there, how it scrolls, how fresh it is
	@PYTHONPATH=$(CURDIR) $(IN_ENV) python benchmarks/faces.py

bench-footprint: setup ## measure memory, idle processor and start of the service with many executions
	@$(IN_ENV) python benchmarks/footprint.py

test-fresh: ## start the demo hub twice in a bare Debian or Ubuntu in a folder (root, debootstrap; how: scripts/fresh.sh)
	@scripts/fresh.sh

clean: ## delete what set-up and builds made; the demo's data and logs stay
	@$(PYTHON) -m scripts.clean
