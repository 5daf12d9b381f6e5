#!/usr/bin/env bash
# Installs what a build needs on Debian 12 or Ubuntu 24.04: `scripts/deps.sh [build|lint]...` (default: build).
# With everything in place it costs one dpkg query. Without root or sudo it prints the exact line to run and exits 1.
set -euo pipefail

build_packages=(
  g++ cmake ninja-build pkg-config ccache mold git ca-certificates python3 zlib1g-dev
  libfmt-dev libexpected-dev libspdlog-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev libutf8proc-dev
  libboost-dev libtbb-dev libeigen3-dev libssl-dev libgtest-dev libgmock-dev libbenchmark-dev libxgboost-dev
  libseccomp-dev libre2-dev libxxhash-dev libcurl4-openssl-dev
)
lint_packages=(clang-format-19)

wanted=()
[ $# -gt 0 ] || set -- build
for group in "$@"; do
  case "$group" in
    build) wanted+=("${build_packages[@]}") ;;
    lint) wanted+=("${lint_packages[@]}") ;;
    *) echo "scripts/deps.sh: unknown group '$group' (expected build or lint)" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  echo "scripts/deps.sh: this is not a Debian or Ubuntu system. Install the equivalents of: ${wanted[*]}" >&2
  exit 1
fi

installed=" $(dpkg-query -W -f='${db:Status-Abbrev}${Package} ' "${wanted[@]}" 2>/dev/null | sed 's/ii  */ii:/g' || true) "
missing=()
for package in "${wanted[@]}"; do
  case "$installed" in *"ii:$package "*) ;; *) missing+=("$package") ;; esac
done
[ ${#missing[@]} -gt 0 ] || exit 0

install_line="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" = 0 ]; then
  run=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  run=(sudo)
else
  {
    echo "Missing packages, and this user may not install them. Run this line, then repeat the command:"
    echo "  sudo apt-get update && sudo $install_line"
  } >&2
  exit 1
fi
echo "Installing ${#missing[@]} packages: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
${run[@]+"${run[@]}"} apt-get update -qq
# shellcheck disable=SC2086
${run[@]+"${run[@]}"} $install_line
