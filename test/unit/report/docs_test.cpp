// docs/metrics.md and docs/errors.md say what the code says: a name added, dropped or changed without its page fails here.
#include "base/error.h"
#include "base/text.h"
#include "report/metrics.h"
#include "support/catch.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

using namespace gitsync;

namespace {

std::string read(std::string_view path) {
  const auto root = std::filesystem::path(__FILE__).parent_path() / "../../..";
  const std::ifstream file(root / path);
  std::ostringstream text;
  text << file.rdbuf();
  INFO(path);
  REQUIRE(text.str().size() > 100);
  return text.str();
}

/// The rows of all tables, by the name in the first column's back-quotes.
std::multimap<std::string, std::string> rows(const std::string& page) {
  std::multimap<std::string, std::string> found;
  for (const auto line : split(page, '\n'))
    if (line.starts_with("| `")) found.emplace(std::string(line.substr(3, line.find('`', 3) - 3)), std::string(line));
  return found;
}

} // namespace

TEST_CASE("docs/metrics.md lists every metric as it is, and no other", "[report][docs]") {
  const report::Metrics metrics("1");
  auto documented = rows(read("docs/metrics.md"));
  for (const auto& info : metrics.describe()) {
    std::string labels;
    for (const auto label : split(info.labels, ','))
      if (!info.labels.empty()) labels += cat(labels.empty() ? "`" : ", `", trim(label), "`");
    const std::string row =
        cat("| `", info.name, "` | ", info.type, " | ", labels.empty() ? "–" : labels, " | ", info.help, " |");
    INFO("the row in docs/metrics.md should be:\n" << row);
    REQUIRE(documented.count(info.name) == 1);
    CHECK(documented.find(info.name)->second == row);
    documented.erase(info.name);
  }
  for (const auto& [name, row] : documented) FAIL_CHECK("docs/metrics.md: no such metric: " << name);
}

TEST_CASE("docs/errors.md lists every code, and no other", "[report][docs]") {
  // base/error.h itself says which codes there are: "  YamlSyntax,      // GS201 not YAML".
  std::map<std::string, std::string> codes; // GS201 → YamlSyntax
  int next = 0;
  for (const auto line : split(read("operator/base/error.h"), '\n')) {
    std::match_results<std::string_view::const_iterator> match;
    static const std::regex pattern(R"(^ *([A-Z][A-Za-z]*), *// (GS[0-9]{3}) .+)");
    if (!std::regex_match(line.begin(), line.end(), match, pattern)) continue;
    INFO(line);
    CHECK(codes.emplace(match.str(2), match.str(1)).second);
    CHECK(code_text(static_cast<Code>(next++)) == match.str(2));
  }
  REQUIRE(codes.size() >= 34);
  CHECK(code_text(static_cast<Code>(next)) == "GS001"); // no enumerator was left out above

  const auto documented = rows(read("docs/errors.md"));
  for (const auto& [code, name] : codes) {
    INFO(code << " " << name << " needs one row in docs/errors.md that begins with: | `" << code << "` | " << name << " | ");
    REQUIRE(documented.count(code) == 1);
    const std::string& row = documented.find(code)->second;
    CHECK(row.starts_with(cat("| `", code, "` | ", name, " | ")));
    const auto columns = split(row, '|'); // "", code, name, meaning, what to do, ""
    REQUIRE(columns.size() == 6);
    CHECK(trim(columns[3]).size() > 10);
    CHECK(trim(columns[4]).size() > 10);
  }
  for (const auto& [code, row] : documented)
    if (!codes.contains(code)) FAIL_CHECK("docs/errors.md: no such code: " << code);
}
