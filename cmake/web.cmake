# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Makes the C source that holds the page of web/, as it is and compressed. Run by the build:
#   cmake -DOUTPUT=FILE.c -DFILES="name=path;..." -P web.cmake
# The bytes are included by the assembler: a C array of this size takes the compiler seconds.
set(types html "text/html" css "text/css" js "text/javascript" txt "text/plain" svg "image/svg+xml")
set(rows "")
set(number 0)
get_filename_component(directory ${OUTPUT} DIRECTORY)
set(source "/* Made by cmake/web.cmake. */\n#include \"http/web_files.h\"\n")

# include_bytes(SYMBOL PATH): adds the file's bytes to the source under that name.
function(include_bytes symbol path)
  string(APPEND source "__asm__(\".section .rodata\\n.global ${symbol}\\n${symbol}:\\n.incbin \\\"${path}\\\"\\n\"
        \".byte 0\\n.previous\");\nextern const char ${symbol}[];\n")
  set(source "${source}" PARENT_SCOPE)
endfunction()

foreach(entry ${FILES})
  string(REGEX MATCH "^([^=]+)=(.+)$" matched "${entry}")
  set(name ${CMAKE_MATCH_1})
  set(path ${CMAKE_MATCH_2})
  set(packed ${directory}/web_${number}.gz)
  execute_process(COMMAND gzip -9nc ${path} OUTPUT_FILE ${packed} COMMAND_ERROR_IS_FATAL ANY)
  file(SIZE ${path} length)
  file(SIZE ${packed} packed_length)
  file(SHA256 ${path} hash)
  string(SUBSTRING ${hash} 0 16 hash)
  string(REGEX MATCH "[^.]+$" ending ${name})
  list(FIND types ${ending} at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${name}: the media type of .${ending} is not known here")
  endif()
  math(EXPR at "${at} + 1")
  list(GET types ${at} type)
  include_bytes(v2m_web_${number} ${path})
  include_bytes(v2m_web_${number}_gz ${packed})
  string(APPEND rows "\t{ \"${name}\", \"${type}; charset=utf-8\", \"${hash}\",\n"
         "\t  { 200, (char *)v2m_web_${number}, ${length} },\n"
         "\t  { 200, (char *)v2m_web_${number}_gz, ${packed_length} } },\n")
  math(EXPR number "${number} + 1")
endforeach()
string(APPEND source "const struct v2m_web_file v2m_web_files[] = {\n${rows}};\n"
       "const size_t v2m_n_web_files = ${number};\n")
file(WRITE ${OUTPUT} "${source}")
