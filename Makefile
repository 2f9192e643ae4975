SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --match 'v*' 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
SUITE   ?= trixie
SUITES  ?= $(SUITE)
FUZZTIME ?= 10s
export SUITE

TOOL        := build/patroni-preflight
COMPOSE     := scripts/compose.sh
SECURE      := LAB_NET=$${LAB_NET:-10.77.1} $(COMPOSE) -p preflight-secure -f docker-compose.yml -f docker/secure.yml
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT     := go run mvdan.cc/gofumpt@v0.12.0

.PHONY: help build check setup images up down up-secure down-secure unit fuzz test demo lint docs accuracy oracle e2e-release e2e-switchover e2e-all release image bench clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build build/patroni-preflight
	@CGO_ENABLED=0 go build -trimpath \
		-ldflags '-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)' -o $(TOOL) .

setup: ## Make sure that Docker Engine and Compose are there and answer
	@scripts/setup.sh

images: setup ## Build the lab's images (SUITES="bookworm trixie sid")
	@scripts/images.sh $(SUITES)

up: images ## Start a cluster of three etcd members and three Patroni nodes (SUITE=trixie)
	@$(COMPOSE) up -d
	@$(COMPOSE) exec -T node1 lab-wait 120
	@$(COMPOSE) exec -T node1 patronictl list

down: ## Take that cluster down, with its data
	@$(COMPOSE) down -v -t 3

up-secure: images build ## Start the same cluster secured as production is: TLS everywhere, users and roles
	@$(SECURE) up -d
	@$(SECURE) exec -T node1 lab-wait 120
	@$(SECURE) exec -T node1 patronictl list

down-secure: ## Take that cluster down, with its data
	@$(SECURE) down -v -t 3

check: ## Write the skeleton of a check (ID=topic.name)
	@go run scripts/new-check.go "$(ID)"

unit: ## Run the tests that need no cluster
	@go test ./...

fuzz: ## Fuzz every decoder, one after the other (FUZZTIME=10s each)
	@scripts/fuzz.sh $(FUZZTIME)

test: setup ## Run all tests, on real clusters of Patroni 3.0, 4.0 and 4.1
	@scripts/images.sh bookworm trixie sid
	@go test ./...
	@scripts/fuzz.sh 3s
	@go test -tags e2e -count=1 -parallel 3 -timeout 70m -v ./e2e/...

demo: images build ## Show the tool stop a switchover that Patroni would fail (KEEP=1 leaves the cluster up)
	@scripts/demo.sh

lint: ## Vet, staticcheck, gofumpt, the length of lines, and a tidy go.mod
	@go vet ./...
	@go vet -tags e2e,release,wrapper,pgreal ./...
	@$(STATICCHECK) ./...
	@$(STATICCHECK) -tags e2e,release,wrapper ./...
	@unformatted=$$($(GOFUMPT) -l .); [ -z "$$unformatted" ] || { echo "not formatted by gofumpt:"; echo "$$unformatted"; exit 1; } >&2
	@go test -count=1 -run '^TestLineLength$$' ./internal/prose
	@go mod tidy -diff

docs: ## Generate docs/checks.md from the registry, docs/field-cases.md and the table of docs/configuration.md
	@go run . checks -f markdown >docs/checks.md
	@go test ./preflight -count=1 -run '^TestFieldCasesDocument$$' -update >/dev/null
	@go test ./internal/config -count=1 -run '^TestDocument$$' -update >/dev/null

accuracy: build ## Compare predictions with real switchovers: docs/accuracy.md
	@scripts/accuracy.sh

oracle: ## Compare the prediction with Patroni's own functions (PATRONI_SOURCE=DIR: releases from source)
	@PREFLIGHT_PATRONI_SOURCE="$(abspath $(PATRONI_SOURCE))" PREFLIGHT_ORACLE_TABLE="$(CURDIR)/docs/prediction.md" \
		go test -tags e2e -count=1 -timeout 60m -v -run TestOracle ./e2e/

e2e-switchover: setup build ## Run the command switchover in every way it can go, on real clusters
	@scripts/images.sh bookworm trixie sid
	@go test -tags e2e,wrapper -count=1 -timeout 45m -v -run 'TestSwitchover|TestWrapper' ./e2e/

e2e-all: test ## Run everything: make test, every way of switchover, a hundred switchovers under load
	@go test -tags e2e,wrapper -count=1 -timeout 45m -v -run TestWrapper ./e2e/
	@PREFLIGHT_SWITCHOVERS="$(CURDIR)/docs/switchovers.md" go test -tags e2e,wrapper -count=1 -timeout 60m -v -run TestHundred ./e2e/

e2e-release: build ## Run releases from PATRONI_SOURCE=DIR on a real cluster against the prediction
	@scripts/images.sh bookworm
	@PREFLIGHT_PATRONI_SOURCE="$(abspath $(PATRONI_SOURCE))" PREFLIGHT_ORACLE_TABLE="$(CURDIR)/docs/prediction.md" \
		go test -tags e2e,release -count=1 -timeout 30m -v -run TestRelease ./e2e/

release: ## Build binaries, .deb, .rpm, SBOM and checksums into build/release
	@scripts/release.sh

image: ## Build the container image patroni-preflight of this machine's architecture
	@PLATFORMS=linux/$$(go env GOHOSTARCH) scripts/release.sh build/image
	@scripts/image.sh build/image

bench: build ## Compare the tool's speed with patronictl's
	@scripts/bench.sh

clean: ## Remove build/
	@rm -rf build
