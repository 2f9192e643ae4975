#!/bin/bash
# release.sh [DIR]
#
# Builds what a release consists of into DIR (build/release by default): static
# binaries as tar.gz, .deb and .rpm, an SBOM (CycloneDX), and their SHA256SUMS. The
# same source and the same Go give the same bytes, wherever it stands.
#
#   PLATFORMS          what to build for (linux and darwin, amd64 and arm64)
#   VERSION            from git describe
#   COMMIT             from git, with -dirty where the tree is
#   SOURCE_DATE_EPOCH  the time of that commit: the date of every file
#   MAINTAINER         of the packages: Name <address>
set -euo pipefail
cd "$(dirname "$0")/.."
NFPM=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2 # the last that builds from Go's module proxy alone
SBOM=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

out=$(realpath -m "${1:-build/release}")
platforms=${PLATFORMS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64}
version=${VERSION:-$(git describe --tags --match 'v*' 2>/dev/null || echo dev)}
commit=${COMMIT:-$(git rev-parse --short HEAD)$(git diff --quiet HEAD || echo -dirty)}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export MAINTAINER=${MAINTAINER:-the patroni-preflight maintainers}
export CGO_ENABLED=0 TZ=UTC LC_ALL=C
umask 022

# Packages sort v1.2.0-rc1 before v1.2.0, and v1.2.0-3-gabc1234, three commits
# later, behind it. Without a tag the version is lower than any.
PACKAGE_VERSION=$(sed -E 's/^v//; s/-([0-9]+)-g([0-9a-f]+)$/+\1.g\2/; s/-/~/g' <<<"$version")
[ "$PACKAGE_VERSION" != dev ] || PACKAGE_VERSION=0.0~git$(date -d "@$SOURCE_DATE_EPOCH" +%Y%m%d).${commit//-/.}
export PACKAGE_VERSION

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
rm -rf "$out"
mkdir -p "$out" "$stage/common/doc"
build() { go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$version -X main.commit=$commit" -o "$1" .; }
tool() { go run -trimpath "$@"; }

# What is the same everywhere.
build "$stage/native"
for shell in bash zsh fish; do "$stage/native" completion $shell >"$stage/common/completion.$shell"; done
"$stage/native" man | gzip -9n >"$stage/common/patroni-preflight.1.gz"
cp README.md CHANGELOG.md docs/*.md docs/*.json "$stage/common/doc"
cp LICENSE "$stage/common/doc/copyright"
{
    echo "Licences of what is linked into patroni-preflight."
    go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' . | sort -u |
        while read -r module v dir; do
            printf '\n--- %s %s ---\n\n' "$module" "$v"
            cat "$dir"/LICENSE*
            find "$dir" -maxdepth 1 -name 'NOTICE*' -exec cat {} +
        done
    printf '\n--- %s ---\n\n' "$(go env GOVERSION)"
    cat "$(go env GOROOT)/LICENSE"
} >"$stage/common/doc/third-party-licenses"
gzip -9n >"$stage/common/changelog.gz" <<CHANGELOG
patroni-preflight ($PACKAGE_VERSION) unstable; urgency=medium

  * See CHANGELOG.md.

 -- $MAINTAINER  $(date -R -d "@$SOURCE_DATE_EPOCH")
CHANGELOG

for platform in $platforms; do
    name=patroni-preflight-$PACKAGE_VERSION-${platform/\//-}
    export STAGE=$stage/$name ARCH=${platform#*/}
    cp -r "$stage/common" "$STAGE"
    GOOS=${platform%/*} GOARCH=$ARCH build "$STAGE/patroni-preflight"
    chmod -R u=rwX,go=rX "$STAGE"
    tool $SBOM bin -json -std -noserial -notimestamp -version "$version" -output "$out/$name.cdx.json" "$STAGE/patroni-preflight" 2>/dev/null
    if [[ $platform == linux/* ]]; then
        tool $NFPM package -f packaging/nfpm.yaml -p deb -t "$out" >/dev/null
        tool $NFPM package -f packaging/nfpm.yaml -p rpm -t "$out" >/dev/null
    fi
    rm "$STAGE/changelog.gz"
    tar c --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$stage" "$name" | gzip -9n >"$out/$name.tar.gz"
done
(cd "$out" && sha256sum -- * >"$stage/SHA256SUMS" && mv "$stage/SHA256SUMS" .)
