# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034
# Functions that the scripts share. A script sources this after `set -euo pipefail`. It changes the directory to
# the repository and keeps the caller's directory in V2M_CALLER_DIR.

V2M_CALLER_DIR=$PWD
V2M_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$V2M_ROOT" || exit 1

V2M_V2RAY_DIR=$V2M_ROOT/build/v2ray
V2M_V2RAY=$V2M_V2RAY_DIR/usr/bin/v2ray
V2M_NGINX_DIR=$V2M_ROOT/build/nginx
V2M_NGINX=$V2M_NGINX_DIR/usr/sbin/nginx
V2M_PROMETHEUS_DIR=$V2M_ROOT/build/prometheus
V2M_UPLOT_DIR=$V2M_ROOT/build/uplot
V2M_UPLOT_VERSION=1.6.32
V2M_UPLOT_SHA256=4b8a8191e425658e3ea8c8c1314b0fc679c861ee3a1af2b20c7b16ba50b5133d
V2M_WEB_TESTS_DIR=$V2M_ROOT/build/web-tests
V2M_PLAYWRIGHT_VERSION=1.60.0
V2M_AXE_VERSION=4.14.1

# For building and running, without the v2ray of the demo.
V2M_BUILD_PACKAGES=(
	gcc libc6-dev cmake ninja-build pkgconf clang llvm bpftool
	libbpf-dev libmnl-dev libjansson-dev libyaml-dev libsqlite3-dev zlib1g-dev libcurl4-openssl-dev
	libsystemd-dev uuid-dev libcivetweb-dev libseccomp-dev libncurses-dev gzip
	libnghttp2-dev libprotobuf-c-dev protobuf-c-compiler
)
# dpkg-shlibdeps finds the libraries that a package depends on.
V2M_PACKAGE_PACKAGES=(dpkg-dev file)
# For cross compilation, beside the libraries of V2M_BUILD_PACKAGES for arm64.
V2M_ARM64_PACKAGES=(crossbuild-essential-arm64 libcmocka-dev:arm64)
V2M_DEMO_PACKAGES=(iproute2 python3 curl)
V2M_TEST_PACKAGES=(
	git libcmocka-dev python3 python3-pytest python3-yaml python3-grpcio
	tcpdump ethtool nftables iproute2 sqlite3 strace curl clang-format clang-tidy cppcheck shellcheck util-linux procps
	qemu-system-x86 busybox-static dash wireguard-tools e2fsprogs
	tmux chromium fonts-dejavu-core lintian systemd-container
)

say() {
	printf '%s\n' "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

is_root() {
	[ "$(id -u)" -eq 0 ]
}

# quietly COMMAND...: shows the output of the command only if it fails.
quietly() {
	local log status=0
	log=$(mktemp)
	"$@" >"$log" 2>&1 </dev/null || status=$?
	[ "$status" -eq 0 ] || cat "$log" >&2
	rm -f "$log"
	return "$status"
}

# Prints those of the named packages that are not installed.
missing_packages() {
	local package
	for package in "$@"; do
		if ! dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
			grep -qx installed; then
			printf '%s\n' "$package"
		fi
	done
}

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@"
}

# Updates the lists once per run of a script. Called if a package is missing, as lists may be absent or old.
apt_update_once() {
	[ -n "${V2M_APT_UPDATED:-}" ] && return 0
	say "updating the package lists"
	quietly apt update -qq
	export V2M_APT_UPDATED=1
}

# Installs those of the named packages that are missing. If none is missing, apt is not run.
install_packages() {
	local missing
	command -v dpkg-query >/dev/null ||
		die "this system has no dpkg; install the equivalents of these Debian packages by hand: $*"
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -eq 0 ] && return 0
	is_root || die "these packages are missing and only root can install them: ${missing[*]}"
	apt_update_once
	say "installing ${missing[*]}"
	quietly apt install -qq -y --no-install-recommends "${missing[@]}"
}

# Installs the cross compiler for arm64 and the libraries that a build links.
install_arm64() {
	local package packages=("${V2M_ARM64_PACKAGES[@]}")
	if ! dpkg --print-foreign-architectures | grep -qx arm64; then
		is_root || die "only root can add the architecture arm64"
		dpkg --add-architecture arm64
	fi
	for package in "${V2M_BUILD_PACKAGES[@]}"; do
		case $package in
		libc6-dev) ;;
		*-dev) packages+=("$package:arm64") ;;
		esac
	done
	install_packages "${packages[@]}"
}

# Puts a real v2ray into build/v2ray. The package is not installed, because it enables a service with a published
# UUID: an open proxy on the operator's host.
prepare_v2ray() {
	[ -x "$V2M_V2RAY" ] || unpack_package v2ray "$V2M_V2RAY_DIR"
}

# Puts a real nginx into build/nginx if the machine has none. Installing the package would start a web server.
prepare_nginx() {
	[ -x "$V2M_NGINX" ] || [ -x /usr/sbin/nginx ] || unpack_package nginx "$V2M_NGINX_DIR"
}

# Puts a real Prometheus into build/prometheus if the machine has none. Installing the package would start it.
prepare_prometheus() {
	[ -x "$V2M_PROMETHEUS_DIR/usr/bin/prometheus" ] || command -v prometheus >/dev/null ||
		unpack_package prometheus "$V2M_PROMETHEUS_DIR"
}

# Puts uPlot, which draws the plots of the page, into build/uplot. Without it the page is built all the same, and
# draws its plots in a plainer way.
prepare_uplot() {
	local download status=0
	[ -f "$V2M_UPLOT_DIR/LICENSE" ] && return 0
	command -v npm >/dev/null || {
		say "npm is not installed: the page will draw plain plots, without uPlot"
		return 1
	}
	mkdir -p "$V2M_ROOT/build"
	download=$(mktemp -d "$V2M_ROOT/build/uplot.XXXXXX")
	say "fetching uPlot for the page (unpacked into ${V2M_UPLOT_DIR#"$V2M_ROOT/"})"
	if ! (cd "$download" && npm pack --silent "uplot@$V2M_UPLOT_VERSION") >/dev/null 2>&1 ||
		! echo "$V2M_UPLOT_SHA256  $download/uplot-$V2M_UPLOT_VERSION.tgz" | sha256sum --check --status; then
		rm -rf "$download"
		say "uPlot cannot be fetched, or is not the expected one: the page will draw plain plots"
		return 1
	fi
	tar -xzf "$download/uplot-$V2M_UPLOT_VERSION.tgz" -C "$download" &&
		mkdir -p "$V2M_UPLOT_DIR" &&
		cp "$download/package/dist/uPlot.iife.min.js" "$download/package/dist/uPlot.min.css" "$V2M_UPLOT_DIR" &&
		cp "$download/package/LICENSE" "$V2M_UPLOT_DIR" || status=$?
	rm -rf "$download"
	return "$status"
}

# Puts what the tests of the page need beside a browser into build/web-tests. Nothing in it runs when it is installed.
prepare_web_tests() {
	[ -d "$V2M_WEB_TESTS_DIR/node_modules/axe-core" ] && [ -d "$V2M_WEB_TESTS_DIR/node_modules/playwright-core" ] &&
		return 0
	command -v npm >/dev/null || return 1
	mkdir -p "$V2M_WEB_TESTS_DIR"
	say "fetching playwright-core and axe-core for the tests of the page"
	npm install --prefix "$V2M_WEB_TESTS_DIR" --silent --ignore-scripts --no-audit --no-fund --no-package-lock \
		"playwright-core@$V2M_PLAYWRIGHT_VERSION" "axe-core@$V2M_AXE_VERSION" >/dev/null 2>&1 || {
		say "the tests of the page cannot be run: npm cannot fetch what they need"
		return 1
	}
}

# unpack_package PACKAGE DIRECTORY: fetches the package and unpacks it there, without installing it.
unpack_package() {
	local package=$1 directory=$2 download status=0
	command -v apt-get >/dev/null || {
		say "there is no apt-get to fetch $package; unpack it into ${directory#"$V2M_ROOT/"} by hand"
		return 1
	}
	mkdir -p "$directory"
	download=$(mktemp -d "$directory/download.XXXXXX")
	say "fetching $package (unpacked into ${directory#"$V2M_ROOT/"}, not installed)"
	if ! fetch_package "$package" "$download" &&
		! { is_root && apt_update_once && fetch_package "$package" "$download"; }; then
		rm -rf "$download"
		say "$package cannot be fetched: apt-get download $package failed"
		return 1
	fi
	dpkg -x "$download/$package"_*.deb "$download/unpacked" &&
		cp -a "$download/unpacked/." "$directory" || status=$?
	rm -rf "$download"
	return "$status"
}

fetch_package() {
	(cd "$2" && apt_unsandboxed download -qq "$1") >&2 2>/dev/null
}

# Downloads as root, because apt's own user may not be able to enter our directory.
apt_unsandboxed() {
	apt -o APT::Sandbox::User=root "$@"
}
