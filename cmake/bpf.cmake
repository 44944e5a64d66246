# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# BPF objects and their skeletons are real targets, so a changed header rebuilds what includes it.

find_program(V2M_CLANG clang REQUIRED)
find_program(V2M_LLVM_STRIP llvm-strip REQUIRED)
find_program(V2M_BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64)$")
  set(V2M_BPF_ARCH x86)
  set(V2M_VMLINUX_ARCH x86_64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(V2M_BPF_ARCH arm64)
  set(V2M_VMLINUX_ARCH arm64)
else()
  message(FATAL_ERROR "no vmlinux.h for ${CMAKE_SYSTEM_PROCESSOR}: see scripts/gen-vmlinux")
endif()

# v2m_bpf_object(NAME SOURCE): compiles SOURCE to <build>/bpf/NAME.bpf.o and makes NAME.skel.h from it. A target
# that links the interface library NAME_skel gets the header and the dependency.
function(v2m_bpf_object name source)
  set(dir ${CMAKE_BINARY_DIR}/bpf)
  set(object ${dir}/${name}.bpf.o)
  set(skeleton ${dir}/${name}.skel.h)
  file(MAKE_DIRECTORY ${dir})
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${V2M_CLANG} -g -O2 -target bpf -mcpu=v3 -std=gnu11 -Wall -Wextra ${V2M_ERROR_FLAG}
            -D__TARGET_ARCH_${V2M_BPF_ARCH} -I${CMAKE_SOURCE_DIR}/vmlinux/${V2M_VMLINUX_ARCH}
            -I${CMAKE_SOURCE_DIR}/include -I${CMAKE_SOURCE_DIR}/bpf
            # The BTF names the source of each line. Without the path, builds in two places are equal.
            -fdebug-compilation-dir=. -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.
            -MD -MF ${object}.d -MT ${object} -c ${source} -o ${object}
    COMMAND ${V2M_LLVM_STRIP} -g ${object}
    DEPENDS ${source}
    DEPFILE ${object}.d
    COMMENT "BPF object ${name}"
    VERBATIM)
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${V2M_BPFTOOL} gen skeleton ${object} name ${name}_bpf > ${skeleton}
    DEPENDS ${object}
    COMMENT "BPF skeleton ${name}"
    VERBATIM)
  add_custom_target(${name}_skel_header DEPENDS ${skeleton})
  add_library(${name}_skel INTERFACE)
  target_include_directories(${name}_skel SYSTEM INTERFACE ${dir})
  add_dependencies(${name}_skel ${name}_skel_header)
endfunction()
