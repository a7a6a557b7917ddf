// The text of one file → documents; manifests.cpp turns those into objects.
#include "object/decode.h"

#include "base/text.h"
#include "object/events.h"
#include "object/json_events.h"
#include "object/manifests.h"
#include "object/tree.h"

#include <algorithm>

namespace gitsync {
namespace {

/// Only the name tells: a flow mapping in YAML begins like JSON.
bool is_json(std::string_view file) { return file.ends_with(".json"); }
bool is_blank(std::string_view text) { return trim(text).empty(); }

bool starts_document(std::string_view line) {
  return line.starts_with("---") && (line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\n');
}

/// Where a line begins with "---" after line `after` (both counted from 1, in `text`): the next document, whatever the one
/// before it was. Nothing where there is none.
struct Resume {
  size_t offset;
  int line;
};
std::optional<Resume> next_document(std::string_view text, int after) {
  int line = 1;
  for (size_t start = 0; start < text.size();) {
    if (line > after && starts_document(text.substr(start))) return Resume{start, line};
    const size_t end = text.find('\n', start);
    if (end == std::string_view::npos) break;
    start = end + 1;
    ++line;
  }
  return std::nullopt;
}

/// Reads all documents; after a syntax error goes on at the next "---", so that one run tells all that is wrong.
void read_stream(std::string_view text, yaml::TreeBuilder& builder) {
  int first_line = 1;
  while (!builder.finished()) {
    const auto error = yaml::read_events(text, first_line, builder);
    if (!error) return;
    builder.abandon();
    if (!builder.report(Code::YamlSyntax, error->line, error->why)) return;
    // The error may show at the "---" of the next document; the first line is this document's own.
    const auto next = next_document(text, std::max(error->line - first_line, 1));
    if (!next) return;
    text.remove_prefix(next->offset);
    first_line += next->line - 1;
  }
}

void read_documents(std::string_view file, std::string_view text, const DecodeBudget& budget, yaml::TreeBuilder& builder) {
  if (text.size() > budget.bytes) {
    builder.report(Code::YamlBudget, 1,
                   cat("the file has ", text.size(), " bytes, more than the ", budget.bytes, " allowed: split it"));
    return;
  }
  std::string storage;
  text = yaml::plain_lines(text, storage);
  if (const auto error = yaml::check_text(text)) {
    builder.report(Code::YamlType, error->line, error->why);
    return;
  }
  if (!is_json(file)) return read_stream(text, builder);
  if (is_blank(text)) return;
  if (const auto error = yaml::read_json(text, builder)) {
    builder.abandon();
    builder.report(Code::YamlSyntax, error->line, error->why);
  }
}

} // namespace

std::expected<std::vector<Manifest>, std::vector<Error>> decode_file(std::string_view file, std::string_view text,
                                                                     const DecodeBudget& budget) {
  yaml::TreeBuilder builder(file, budget, SIZE_MAX);
  read_documents(file, text, budget, builder);
  return to_manifests(file, is_json(file), std::move(builder.documents()), std::move(builder.errors()));
}

Result<nlohmann::json> yaml_to_json(std::string_view file, std::string_view text, const DecodeBudget& budget) {
  yaml::TreeBuilder builder(file, budget, 1);
  read_documents(file, text, budget, builder);
  if (!builder.errors().empty()) return std::unexpected(std::move(builder.errors().front()));
  if (builder.documents().empty()) return nlohmann::json(nullptr);
  return std::move(builder.documents().front().root);
}

} // namespace gitsync
