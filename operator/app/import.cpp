#include "app/import.h"

#include "api/git_repository.h"
#include "api/git_sync.h"
#include "app/import_notes.h"
#include "base/json_read.h"
#include "base/secret.h"
#include "base/text.h"
#include "object/decode.h"

#include <algorithm>

namespace gitsync::app {
namespace {

using nlohmann::json;

/// One line, whatever is quoted in it.
std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return redact(text);
}

} // namespace

void Notes::add(std::string_view path, std::string_view text) { imported_.notes.push_back(cat(path, ": ", text)); }

void Notes::rest(const json& object, std::string_view path, std::initializer_list<std::string_view> known) {
  if (!object.is_object()) return;
  for (const auto& [key, value] : object.items())
    if (std::ranges::find(known, key) == known.end()) add(cat(path, path.empty() ? "" : ".", key), "has no counterpart");
}

void Notes::check() {
  const auto said = [&](const auto& parsed) {
    if (!parsed) add("the API server would refuse this", parsed.error().message);
  };
  if (read_text(imported_.object, "kind") == api::git_sync_kind)
    said(api::parse_git_sync(imported_.object));
  else
    said(api::parse_git_repository(imported_.object));
}

bool git_sync_has(std::string_view path) {
  static const auto fields = api::git_sync_fields();
  return std::ranges::any_of(fields, [&](const auto& field) { return field.path == path; });
}

std::string imported_yaml(const std::vector<Imported>& imported) {
  std::string out;
  for (const auto& each : imported) {
    if (!out.empty() && !each.object.is_null()) out += "---\n";
    for (const auto& note : each.notes) out += cat("# ", one_line(note), "\n");
    if (!each.object.is_null()) out += json_to_yaml(each.object);
  }
  return out;
}

json imported_list(const std::vector<Imported>& imported) {
  json items = json::array();
  for (const auto& each : imported)
    if (!each.object.is_null()) items.push_back(each.object);
  return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
}

} // namespace gitsync::app
