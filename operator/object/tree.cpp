#include "object/tree.h"

#include "base/text.h"
#include "object/scalar.h"

#include <algorithm>
#include <map>
#include <set>

namespace gitsync::yaml {
namespace {

constexpr size_t max_errors = 100;
constexpr std::string_view core_tag = "tag:yaml.org,2002:";

std::string short_tag(std::string_view tag) {
  if (tag.starts_with(core_tag)) return cat("!!", shorten(tag.substr(core_tag.size()), 60));
  return shorten(tag, 60);
}

std::string no_meaning(std::string_view tag) { return cat("the tag ", short_tag(tag), " has no meaning here: remove it"); }

/// !!binary: the bytes themselves, as far as JSON can carry them.
std::expected<std::string, std::string> binary(std::string_view text) {
  std::string packed;
  for (const char c : text)
    if (c != '\n' && c != '\r') packed += c;
  auto bytes = base64_decode(packed);
  if (!bytes) return std::unexpected("!!binary is not base64");
  if (!valid_utf8(*bytes))
    return std::unexpected("!!binary is not text: JSON cannot carry it; remove the tag and keep the base64");
  return std::move(*bytes);
}

} // namespace

/// A mapping or sequence that is still open.
struct TreeBuilder::Frame {
  nlohmann::json json;
  Cost cost;
  int line = 0;
  size_t anchor = 0;
  // Mappings only:
  bool has_key = false;
  bool merging = false; // the value to come belongs to "<<"
  bool discard = false; // the value to come has no usable key
  std::string key;
  int key_line = 0;
  std::vector<std::pair<const std::string*, int>> lines; // where each explicit key stands; std::map's keys don't move
  std::set<std::string, std::less<>> merged;             // keys that came by "<<" only
};

TreeBuilder::TreeBuilder(std::string_view file, const DecodeBudget& budget, size_t max_documents)
    : file_(file), budget_(budget), max_documents_(max_documents) {}
TreeBuilder::~TreeBuilder() = default;

bool TreeBuilder::document_begin(int line) {
  if (seen_documents_ == max_documents_) {
    finished_ = true;
    return false;
  }
  if (++seen_documents_ > budget_.documents) {
    return give_up(Code::YamlBudget, line, cat("more than ", budget_.documents, " documents in one file: split it"));
  }
  abandon();
  current_.line = line;
  return true;
}

bool TreeBuilder::document_end() {
  if (!bad_) documents_.push_back(std::move(current_));
  abandon();
  return true;
}

void TreeBuilder::abandon() {
  frames_.clear();
  anchors_.clear();
  open_anchors_.clear();
  current_ = {};
  kept_nodes_ = 0;
  bad_ = false;
}

bool TreeBuilder::scalar(const ScalarEvent& event) {
  if (!charge(event.line, 1, event.text.size(), 0)) return false;
  Value value = Value::at(event.line, nullptr, {1, event.text.size(), 0});
  const bool wants_key = event.anchor != 0 || (!frames_.empty() && frames_.back().json.is_object() && !frames_.back().has_key);
  const auto take = [&](const Scalar& resolved) {
    if (wants_key) {
      if (auto key = to_key(resolved))
        value.key = std::move(*key);
      else
        value.key_problem = std::move(key.error());
      if (event.anchor == 0) return true;
    }
    auto json = to_json(resolved);
    if (!json) return report(Code::YamlType, event.line, json.error());
    value.json = std::move(*json);
    return true;
  };
  bool going = true;
  switch (event.style) {
  case Style::Plain:
    value.is_merge_key = event.text == "<<";
    going = take(resolve_plain(event.text));
    break;
  case Style::Quoted: going = take(event.text); break;
  case Style::Tagged:
    if (event.text.empty()) { // parsers disagree where such a tag ends ("[!!str, a]")
      going =
          report(Code::YamlType, event.line, cat("the tag ", short_tag(event.tag), " has no value behind it: remove the tag"));
    } else if (event.tag == cat(core_tag, "binary")) {
      const auto bytes = binary(event.text);
      going = bytes ? take(std::string_view(*bytes)) : report(Code::YamlType, event.line, bytes.error());
    } else if (event.tag == cat(core_tag, "merge") && event.text == "<<") {
      value.is_merge_key = true;
      going = take(event.text);
    } else if (auto resolved = resolve_tagged(event.tag, event.text)) {
      going = take(*resolved);
    } else {
      going = report(Code::YamlType, event.line, resolved.error());
    }
    // What is wrong with the tag is said; as a key it still names something.
    if (wants_key && !value.key && value.key_problem.empty()) value.key = std::string(event.text);
    break;
  }
  return going && place(std::move(value), event.anchor);
}

bool TreeBuilder::literal(int line, nlohmann::json value) {
  return charge(line, 1, 0, 0) && place(Value::at(line, std::move(value), {1, 0, 0}), 0);
}

bool TreeBuilder::alias(int line, size_t anchor) {
  if (open_anchors_.contains(anchor))
    return report(Code::YamlBudget, line, "this alias stands inside its own anchor: it would never end") &&
           place(Value::at(line, nullptr, {}), 0);
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end())
    return report(Code::YamlSyntax, line, "this alias has no anchor before it") && place(Value::at(line, nullptr, {}), 0);
  const Cost& cost = found->second.cost;
  if (!charge(line, cost.nodes, cost.bytes, cost.depth)) return false; // before the copy is made
  Value value = found->second;
  value.line = line;
  value.is_alias = true;
  value.is_merge_key = false;
  return place(std::move(value), 0);
}

bool TreeBuilder::mapping_begin(const OpenEvent& event) { return open(event, true); }
bool TreeBuilder::mapping_end() { return close(); }
bool TreeBuilder::sequence_begin(const OpenEvent& event) { return open(event, false); }
bool TreeBuilder::sequence_end() { return close(); }

bool TreeBuilder::open(const OpenEvent& event, bool mapping) {
  if (!charge(event.line, 1, 0, 1)) return false;
  if (!event.tag.empty() && event.tag != cat(core_tag, mapping ? "map" : "seq") &&
      !report(Code::YamlType, event.line, no_meaning(event.tag)))
    return false;
  if (frames_.empty()) current_.line = event.line;
  if (event.anchor != 0) open_anchors_.insert(event.anchor);
  Frame& frame = frames_.emplace_back();
  frame.json = mapping ? nlohmann::json::object() : nlohmann::json::array();
  frame.cost = {1, 0, 1};
  frame.line = event.line;
  frame.anchor = event.anchor;
  return true;
}

bool TreeBuilder::close() {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  if (frame.anchor != 0) open_anchors_.erase(frame.anchor);
  return place(Value::at(frame.line, std::move(frame.json), frame.cost), frame.anchor);
}

/// A complete value goes into what holds it, and under its anchor where it has one.
bool TreeBuilder::place(Value value, size_t anchor) {
  if (anchor != 0) {
    kept_nodes_ += value.cost.nodes;
    if (kept_nodes_ > budget_.nodes)
      return give_up(Code::YamlBudget, value.line, "too many values are anchored (&): use fewer anchors");
    anchors_.insert_or_assign(anchor, value);
  }
  if (frames_.empty()) {
    current_.root = std::move(value.json);
    return true;
  }
  Frame& frame = frames_.back();
  frame.cost.nodes += value.cost.nodes;
  frame.cost.bytes += value.cost.bytes;
  frame.cost.depth = std::max(frame.cost.depth, value.cost.depth + 1);
  if (frame.json.is_array()) {
    frame.json.push_back(std::move(value.json));
  } else if (!frame.has_key) {
    take_key(frame, std::move(value));
  } else {
    put(frame, std::move(value));
  }
  return !finished_;
}

void TreeBuilder::take_key(Frame& frame, Value value) {
  frame.has_key = true;
  frame.key_line = value.line;
  frame.merging = value.is_merge_key;
  frame.discard = false;
  if (value.key) {
    frame.key = std::move(*value.key);
    return;
  }
  frame.discard = true;
  report(Code::YamlType, value.line,
         value.key_problem.empty() ? "a list or mapping cannot be a key in JSON: quote it if it is text (like \"{{ … }}\")"
                                   : value.key_problem);
}

void TreeBuilder::put(Frame& frame, Value value) {
  frame.has_key = false;
  if (frame.discard) return;
  if (frame.merging) return merge(frame, std::move(value));
  const auto [at, fresh] =
      frame.json.get_ref<nlohmann::json::object_t&>().try_emplace(std::move(frame.key), std::move(value.json));
  if (fresh) {
    frame.lines.emplace_back(&at->first, frame.key_line);
    return;
  }
  if (frame.merged.erase(at->first) > 0) { // try_emplace moved nothing
    at->second = std::move(value.json);
    frame.lines.emplace_back(&at->first, frame.key_line);
    return;
  }
  const auto first = std::ranges::find(frame.lines, &at->first, &std::pair<const std::string*, int>::first);
  report(Code::YamlDuplicateKey, frame.key_line,
         cat("the key \"", shorten(at->first, 80), "\" stands twice in one mapping, first in line ",
             first == frame.lines.end() ? frame.line : first->second, ": remove one of them"));
}

void TreeBuilder::merge(Frame& frame, Value value) {
  const auto refuse = [&] {
    report(Code::YamlType, value.line, "\"<<\" wants a mapping, an alias of one, or a list of those");
  };
  if (value.json.is_object()) return merge_mapping(frame, value.json);
  if (!value.json.is_array() || value.is_alias) return refuse();
  for (auto item = value.json.rbegin(); item != value.json.rend(); ++item) { // backwards: earlier ones win
    if (!item->is_object()) return refuse();
    merge_mapping(frame, *item);
  }
}

void TreeBuilder::merge_mapping(Frame& frame, nlohmann::json& from) {
  auto& into = frame.json.get_ref<nlohmann::json::object_t&>();
  for (auto& [key, value] : from.get_ref<nlohmann::json::object_t&>()) {
    const auto [at, fresh] = into.insert_or_assign(key, std::move(value));
    if (fresh) frame.merged.insert(key);
  }
}

bool TreeBuilder::charge(int line, size_t nodes, size_t bytes, int depth) {
  nodes_ += nodes;
  bytes_ += bytes;
  if (nodes_ > budget_.nodes)
    return give_up(Code::YamlBudget, line, cat("more than ", budget_.nodes, " values in one file, aliases expanded: split it"));
  if (bytes_ > budget_.expanded_bytes)
    return give_up(Code::YamlBudget, line,
                   cat("more than ", budget_.expanded_bytes, " bytes of text in one file, aliases expanded: split it"));
  if (static_cast<int>(frames_.size()) + depth > budget_.depth)
    return give_up(Code::YamlBudget, line, cat("nested deeper than ", budget_.depth, " levels"));
  return true;
}

bool TreeBuilder::give_up(Code code, int line, std::string_view why) {
  report(code, line, why);
  finished_ = true;
  return false;
}

bool TreeBuilder::report(Code code, int line, std::string_view why) {
  bad_ = true;
  if (errors_.size() < max_errors) errors_.push_back({.code = code, .message = cat(file_, ':', line, ": ", why)});
  if (errors_.size() == max_errors) finished_ = true;
  return !finished_;
}

} // namespace gitsync::yaml
