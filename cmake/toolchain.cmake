# What every target is built with: ccache where there is one, lld where it works, warnings as errors, sanitizers by preset.
find_program(GITSYNC_CCACHE ccache)
if(GITSYNC_CCACHE)
  # Precompiled headers need these: https://ccache.dev/manual/latest.html#_precompiled_headers
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${GITSYNC_CCACHE})
endif()

include(CheckLinkerFlag)
set(GITSYNC_LLD -fuse-ld=lld)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang AND CMAKE_CXX_COMPILER_VERSION MATCHES "^([0-9]+)")
  find_program(GITSYNC_LLD_PATH NAMES ld.lld-${CMAKE_MATCH_1} ld.lld)
  if(GITSYNC_LLD_PATH)
    set(GITSYNC_LLD --ld-path=${GITSYNC_LLD_PATH})
  endif()
endif()
check_linker_flag(CXX "${GITSYNC_LLD}" GITSYNC_HAS_LLD)
if(GITSYNC_HAS_LLD)
  add_link_options(${GITSYNC_LLD})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp" -Wno-missing-designated-field-initializers)
else()
  # g++ 14 reports these inside Boost.Asio's and nlohmann's own templates (awaitable's frames have operator new and delete of their own).
  add_compile_options(-Wno-mismatched-new-delete -Wno-missing-field-initializers -Wno-maybe-uninitialized -Wno-dangling-reference)
endif()

if(GITSYNC_SANITIZE)
  add_compile_options(-fsanitize=${GITSYNC_SANITIZE} -fno-sanitize-recover=all -O1 -g1)
  add_link_options(-fsanitize=${GITSYNC_SANITIZE})
else()
  add_compile_options(-D_FORTIFY_SOURCE=2 -fstack-protector-strong)
  add_link_options(-Wl,-z,relro -Wl,-z,now)
endif()
