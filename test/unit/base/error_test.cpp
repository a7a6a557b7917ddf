#include "base/error.h"

#include "support/catch.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

using namespace gitsync;
using namespace std::chrono_literals;

namespace {
constexpr Code all[] = {
    Code::Internal,       Code::Cancelled,       Code::Timeout,         Code::InvalidArgument,  Code::InvalidSpec,
    Code::SourceNotFound, Code::SourceNotReady,  Code::YamlSyntax,      Code::YamlDuplicateKey, Code::YamlBudget,
    Code::YamlType,       Code::InvalidManifest, Code::DuplicateObject, Code::UnknownKind,      Code::InvalidScope,
    Code::OwnedByOther,   Code::EmptyRevision,   Code::PruneBlocked,    Code::UnsafePath,       Code::PathNotFound,
    Code::GitFetch,       Code::GitRefNotFound,  Code::GitAuth,         Code::GitLimit,         Code::WorkerDied,
    Code::ApiUnreachable, Code::ApiUnauthorized, Code::ApiForbidden,    Code::ApiNotFound,      Code::ApiConflict,
    Code::ApiExpired,     Code::ApiInvalid,      Code::ApiThrottled,    Code::ApiServerError,   Code::RegistryDown,
    Code::RegistryAuth,   Code::ImageNotFound,   Code::RegistryError,   Code::InventoryCorrupt, Code::AdoptionRefused,
    Code::NotVerified,    Code::HistoryRewound};

std::string read(const std::filesystem::path& path) {
  std::ifstream in(std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path() / path);
  REQUIRE(in.good());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}
} // namespace

TEST_CASE("every code has a text of its own, which the header and the document name", "[base]") {
  CHECK(static_cast<size_t>(Code::InventoryCorrupt) + 1 == std::size(all)); // a new code belongs into the list above
  const std::string header = read("operator/base/error.h"), document = read("docs/errors.md");
  std::set<std::string_view> texts;
  for (const auto code : all) {
    const auto text = code_text(code);
    INFO(text);
    CHECK(text.size() == 5);
    CHECK(text.starts_with("GS"));
    CHECK(texts.insert(text).second);
    CHECK(header.find("// " + std::string(text) + " ") != std::string::npos);
    CHECK(document.find(text) != std::string::npos);
  }
}

TEST_CASE("an error's text begins with its code", "[base]") {
  const auto error = fail(Code::YamlSyntax, "a.yaml:3: no").error();
  CHECK(error.text() == "GS201 a.yaml:3: no");
  CHECK(wrap(error, "GitSync shop/web").error().text() == "GS201 GitSync shop/web: a.yaml:3: no");
}

TEST_CASE("wrapping keeps everything but the message", "[base]") {
  const auto error = wrap(fail(Code::ApiThrottled, "busy", Retry::After, 7s).error(), "apply x").error();
  CHECK(error.code == Code::ApiThrottled);
  CHECK(error.retry == Retry::After);
  CHECK(error.after == 7s);
}

TEST_CASE("what is wrong with the input is not tried again, what is wrong with the world is", "[base]") {
  for (const auto code : {Code::InvalidArgument, Code::InvalidSpec, Code::YamlSyntax, Code::YamlDuplicateKey, Code::YamlBudget,
                          Code::YamlType, Code::InvalidManifest, Code::DuplicateObject, Code::InvalidScope, Code::EmptyRevision,
                          Code::UnsafePath, Code::PathNotFound, Code::ApiInvalid, Code::InventoryCorrupt, Code::Cancelled}) {
    INFO(code_text(code));
    CHECK(default_retry(code) == Retry::Never);
    CHECK(fail(code, "x").error().retry == Retry::Never);
  }
  for (const auto code : {Code::Timeout, Code::GitFetch, Code::GitAuth, Code::GitRefNotFound, Code::WorkerDied,
                          Code::ApiUnreachable, Code::ApiUnauthorized, Code::ApiForbidden, Code::ApiConflict, Code::ApiExpired,
                          Code::ApiThrottled, Code::ApiServerError}) {
    INFO(code_text(code));
    CHECK(default_retry(code) == Retry::Backoff);
    CHECK(fail(code, "x").error().retry == Retry::Backoff);
  }
}
