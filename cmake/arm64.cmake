# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Cross compilation for arm64 with the compiler and the multiarch libraries of Debian: scripts/build arm64.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_STRIP aarch64-linux-gnu-strip)
set(CMAKE_OBJCOPY aarch64-linux-gnu-objcopy)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
# Debian has no aarch64-linux-gnu-pkg-config that CMake would find without the package of dpkg-cross.
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(V2M_DEBIAN_ARCHITECTURE arm64)
