# The distribution's packages as imported targets; `make deps` installs them (scripts/deps.sh names them).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_package(CLI11 2.1 REQUIRED)
pkg_check_modules(LIBYAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(LIBGIT2 REQUIRED IMPORTED_TARGET libgit2>=1.5)

if(NOT TARGET yaml-cpp::yaml-cpp) # 0.7 has no namespace yet
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()

# Time zones are part of C++20's <chrono>; libstdc++ has them from 14 on. For Debian 12 there is the library that they come from.
include(CheckCXXSourceCompiles)
check_cxx_source_compiles("#include <chrono>
int main() { return std::chrono::locate_zone(\"UTC\") == nullptr; }" GITSYNC_HAS_TIME_ZONES)
if(NOT GITSYNC_HAS_TIME_ZONES)
  find_package(date REQUIRED)
  set(GITSYNC_TIME_ZONES date::date-tz)
endif()
