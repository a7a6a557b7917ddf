// gitsync version: what this binary is made of.
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/text.h"
#include "http/version.h"

#include <boost/version.hpp>
#include <nlohmann/json.hpp>

namespace gitsync::app {
namespace {

#if defined(__clang__)
constexpr std::string_view compiler = "clang " __clang_version__;
#else
constexpr std::string_view compiler = "g++ " __VERSION__;
#endif

std::string dotted(int major, int minor, int patch) { return cat(major, '.', minor, '.', patch); }

} // namespace

int run_version(const VersionOptions& options) {
  const std::vector<std::pair<std::string, std::string>> parts = {
      {"gitsync", GITSYNC_VERSION},
      {"compiler", std::string(trim(compiler))},
      {"boost", dotted(BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)},
      {"libgit2", GITSYNC_LIBGIT2_VERSION},
      {"curl", http::library_version()},
      {"nlohmannJson", dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
  };
  if (options.json) {
    nlohmann::ordered_json out;
    for (const auto& [name, version] : parts) out[name] = version;
    print(out.dump(2) + '\n');
    return 0;
  }
  for (const auto& [name, version] : parts) print(cat(name, std::string(14 - name.size(), ' '), version, '\n'));
  return 0;
}

} // namespace gitsync::app
