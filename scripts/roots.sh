# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Trees of Debian releases in build/roots, for building and testing packages. A script sources this after lib.sh.
# debootstrap makes them once, from the mirror that apt is configured with. Remove build/roots to make them anew.

V2M_ROOTS=${V2M_ROOTS:-$V2M_ROOT/build/roots}
V2M_ROOT_PACKAGES=(debootstrap systemd-container)

debian_mirror() {
	apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -m 1 '/debian/$' || die "apt has no mirror of Debian"
}

# make_root SUITE: makes a tree with nothing but a base system and systemd, and prints its path.
make_root() {
	local suite=$1 tree=$V2M_ROOTS/$1
	if [ ! -d "$tree" ]; then
		is_root || die "only root can make a tree of Debian $suite"
		install_packages "${V2M_ROOT_PACKAGES[@]}"
		mkdir -p "$V2M_ROOTS"
		rm -rf "$tree.new"
		say "making a tree of Debian $suite"
		quietly debootstrap --variant=minbase --include=systemd-sysv,dbus,ca-certificates "$suite" "$tree.new" \
			"$(debian_mirror)" || die "the tree of Debian $suite cannot be made"
		mv "$tree.new" "$tree"
	fi
	printf '%s\n' "$tree"
}

# make_build_root SUITE: makes a tree in which v2meter can be built, and prints its path.
make_build_root() {
	local suite=$1 tree=$V2M_ROOTS/$1-build base
	if [ ! -d "$tree" ]; then
		base=$(make_root "$suite")
		rm -rf "$tree.new"
		cp -a "$base" "$tree.new"
		say "installing what a build needs in Debian $suite"
		in_tree "$tree.new" apt-get update -qq
		in_tree "$tree.new" apt-get install -qq -y --no-install-recommends \
			"${V2M_BUILD_PACKAGES[@]}" "${V2M_PACKAGE_PACKAGES[@]}" git lintian >"$tree.new/installed" 2>&1 ||
			die "see $tree.new/installed"
		mv "$tree.new" "$tree"
	fi
	printf '%s\n' "$tree"
}

# in_tree TREE COMMAND...: runs a command in a tree, in the network of this machine.
in_tree() {
	# shellcheck disable=SC2016 # The inner shell expands these.
	unshare --mount --propagation private -- sh -euc '
		tree=$1
		shift
		mount -t proc proc "$tree/proc"
		mount --rbind /dev "$tree/dev"
		mount -t tmpfs tmp "$tree/tmp"
		cat /etc/resolv.conf >"$tree/etc/resolv.conf"
		exec chroot "$tree" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"
	' in_tree "$@" </dev/null
}

# put_sources TREE: copies the working tree without what is built to /src in the tree.
put_sources() {
	rm -rf "$1/src"
	mkdir -p "$1/src/build"
	if git -c safe.directory='*' rev-parse --git-dir >/dev/null 2>&1; then
		git -c safe.directory='*' ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$1/src"
	else
		find . -mindepth 1 -maxdepth 1 ! -name build ! -name build-debug -exec cp -a -t "$1/src" {} +
	fi
	[ ! -d build/uplot ] || cp -a build/uplot "$1/src/build"
}

# build_arm64: cross compiles the programs and the tests of the kernel programs to build/arm64 and build/arm64-tests.
build_arm64() {
	local tree kind
	tree=$(make_build_root bookworm)
	put_sources "$tree"
	in_tree "$tree" sh -euc 'cd /src; scripts/setup --arm64; scripts/build arm64 arm64-tests' >&2 ||
		die "the build for arm64 failed"
	for kind in arm64 arm64-tests; do
		mkdir -p "build/$kind"
		find "$tree/src/build/$kind" -maxdepth 1 -type f -perm -u+x -exec cp -t "build/$kind" {} +
	done
}
