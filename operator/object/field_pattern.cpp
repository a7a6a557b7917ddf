#include "object/field_pattern.h"

#include "base/text.h"
#include "object/fields_v1.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace gitsync {

using nlohmann::json;

namespace {

constexpr size_t longest_text = 1024, most_steps = 64;

std::optional<size_t> index_of(std::string_view text) {
  size_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
  return out;
}

bool is_word(char c) {
  return c == '_' || c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool holds(const std::pair<std::vector<std::string>, json>& condition, const json& item) {
  const json* value = &item;
  for (const auto& key : condition.first) {
    value = fields_v1::member(*value, key);
    if (!value) return false;
  }
  // A pointer's [port=80] has no types: the text of a number or a truth value counts as well.
  return *value == condition.second || (condition.second.is_string() && !value->is_string() && value->is_primitive() &&
                                        value->dump() == condition.second.get<std::string>());
}

} // namespace

/// Reads one text, from left to right.
class PatternReader {
public:
  explicit PatternReader(std::string_view text) : text_(text) {}

  Result<FieldPattern> read() {
    if (text_.size() > longest_text) return problem("is longer than 1024 characters");
    if (text_.starts_with('/'))
      read_pointer();
    else if (text_.starts_with('.'))
      read_jq();
    else
      problem_ = "must begin with / (a JSON pointer) or . (a path as jq writes it)";
    if (problem_.empty() && steps_.empty()) problem_ = "names the whole object";
    if (problem_.empty() && steps_.size() > most_steps) problem_ = "has more than 64 steps";
    if (problem_.empty() && makes_the_object()) problem_ = "names what the object is known by, which cannot be ignored";
    if (!problem_.empty()) return problem(problem_);
    FieldPattern out;
    out.text_ = std::string(text_);
    out.steps_ = std::move(steps_);
    return out;
  }

private:
  using Kind = FieldPattern::Step::Kind;

  std::unexpected<Error> problem(std::string_view what) const {
    return fail(Code::InvalidSpec, cat('"', text_.substr(0, 80), text_.size() > 80 ? "…" : "", "\" ", what));
  }

  bool makes_the_object() const {
    const auto key = [&](size_t i) { return i < steps_.size() && steps_[i].kind == Kind::Key ? steps_[i].key : std::string(); };
    if (steps_.front().kind != Kind::Key) return true; // all members of the object
    if (steps_.size() == 1) return key(0) == "apiVersion" || key(0) == "kind" || key(0) == "metadata";
    if (key(0) != "metadata") return false;
    static constexpr std::array own = {"name", "namespace", "managedFields", "uid", "resourceVersion"};
    if (steps_[1].kind != Kind::Key || std::ranges::find(own, key(1)) != own.end()) return true;
    if (key(1) != "labels" && key(1) != "annotations") return false;
    return steps_.size() == 2 || steps_[2].kind != Kind::Key || key(2).starts_with("gitops.volaticloud.com/");
  }

  void read_pointer() {
    for (const auto part : split(text_.substr(1), '/')) {
      FieldPattern::Step step;
      if (part == "*") {
        step.kind = Kind::All;
      } else if (part.size() > 2 && part.front() == '[' && part.back() == ']') {
        step.kind = Kind::Select;
        for (const auto pair : split(part.substr(1, part.size() - 2), ',')) {
          const size_t equals = pair.find('=');
          if (equals == std::string_view::npos || equals == 0) {
            problem_ = cat("has ", part, ", which should be [key=value]");
            return;
          }
          step.conditions.emplace_back(std::vector{unescaped(pair.substr(0, equals))}, unescaped(pair.substr(equals + 1)));
        }
      } else {
        step.key = unescaped(part);
        if (step.key.empty()) {
          problem_ = "has an empty step";
          return;
        }
      }
      steps_.push_back(std::move(step));
    }
  }

  std::string unescaped(std::string_view part) {
    std::string out;
    for (size_t i = 0; i < part.size(); ++i) {
      if (part[i] != '~') {
        out += part[i];
      } else if (i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1')) {
        out += part[++i] == '0' ? '~' : '/';
      } else {
        problem_ = "has a ~ that is neither ~0 (for ~) nor ~1 (for /)";
      }
    }
    return out;
  }

  // jq: a rest of the text at at_.
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(std::string_view word) {
    skip();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  std::string word() {
    const size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }
  /// A JSON string or another JSON scalar; null where there is none.
  std::optional<json> literal() {
    skip();
    size_t end = at_;
    if (end < text_.size() && text_[end] == '"') {
      for (++end; end < text_.size() && text_[end] != '"'; ++end)
        if (text_[end] == '\\') ++end;
      end = std::min(end + 1, text_.size());
    } else {
      while (end < text_.size() && (is_word(text_[end]) || text_[end] == '.' || text_[end] == '+')) ++end;
    }
    json value = json::parse(text_.substr(at_, end - at_), nullptr, false);
    if (value.is_discarded() || value.is_structured()) return {};
    at_ = end;
    return value;
  }
  void unexpected_here() {
    if (problem_.empty())
      problem_ = cat("has something at character ", at_ + 1,
                     " that is not one of .name, .[\"name\"], [0], [], select(.name == \"value\") and |");
  }

  void read_jq() {
    for (bool first = true; problem_.empty(); first = false) {
      skip();
      if (at_ == text_.size()) return;
      if (!first && take("|")) skip();
      if (take("select(")) {
        read_select();
      } else if (take("[")) {
        read_brackets();
      } else if (take(".")) {
        if (take("[")) {
          read_brackets();
          continue;
        }
        FieldPattern::Step step;
        step.key = word();
        if (step.key.empty())
          unexpected_here();
        else
          steps_.push_back(std::move(step));
      } else {
        unexpected_here();
      }
    }
  }

  void read_brackets() {
    FieldPattern::Step step;
    if (take("]")) {
      step.kind = Kind::All;
    } else {
      const auto value = literal();
      if (!value || !take("]")) return unexpected_here();
      if (value->is_string()) {
        step.key = value->get<std::string>();
      } else if (value->is_number_unsigned()) {
        step.kind = Kind::Index;
        step.index = value->get<size_t>();
      } else {
        return unexpected_here();
      }
    }
    steps_.push_back(std::move(step));
  }

  /// select() narrows the items that the [] before it named.
  void read_select() {
    std::vector<std::string> path;
    while (take(".")) {
      path.push_back(word());
      if (path.back().empty()) return unexpected_here();
    }
    if (path.empty() || !take("==")) return unexpected_here();
    const auto value = literal();
    if (!value || !take(")")) return unexpected_here();
    if (steps_.empty() || (steps_.back().kind != Kind::All && steps_.back().kind != Kind::Select)) {
      problem_ = "has a select() that does not follow []";
      return;
    }
    steps_.back().kind = Kind::Select;
    steps_.back().conditions.emplace_back(std::move(path), *value);
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<FieldPattern::Step> steps_;
  std::string problem_;
};

Result<FieldPattern> FieldPattern::parse(std::string_view text) { return PatternReader(text).read(); }

bool FieldPattern::fits(const Step& step, std::string_view key, const json& value) {
  (void)value;
  return step.kind == Step::Kind::All || (step.kind == Step::Kind::Key && step.key == key);
}

bool FieldPattern::fits(const Step& step, size_t index, const json& value) {
  switch (step.kind) {
  case Step::Kind::All: return true;
  case Step::Kind::Index: return step.index == index;
  case Step::Kind::Key: return index_of(step.key) == index;
  case Step::Kind::Select:
    return std::ranges::all_of(step.conditions, [&](const auto& condition) { return holds(condition, value); });
  }
  return false;
}

bool FieldPattern::erase(json& object) const { return erase_from(object, 0); }

bool FieldPattern::erase_from(json& value, size_t at) const {
  const Step& step = steps_[at];
  const bool last = at + 1 == steps_.size();
  bool any = false;
  if (value.is_object()) {
    for (auto it = value.begin(); it != value.end();) {
      if (!fits(step, it.key(), it.value())) {
        ++it;
      } else if (last) {
        it = value.erase(it);
        any = true;
      } else {
        any |= erase_from(it.value(), at + 1);
        ++it;
      }
    }
  } else if (value.is_array()) {
    for (size_t i = value.size(); i-- > 0;) { // from the end: indices before it stay
      if (!fits(step, i, value[i])) continue;
      if (last) {
        value.erase(i);
        any = true;
      } else {
        any |= erase_from(value[i], at + 1);
      }
    }
  }
  return any;
}

bool FieldPattern::disown(json& fields, const json& live) const { return disown_from(fields, &live, 0); }

bool FieldPattern::disown_from(json& fields, const json* live, size_t at) const {
  if (!fields.is_object() || !live) return false;
  const Step& step = steps_[at];
  const bool last = at + 1 == steps_.size();
  std::vector<std::string> going;
  bool any = false;
  for (auto& [name, below] : fields.items()) {
    if (name == ".") continue;
    const json* value = fields_v1::child(*live, name);
    static const json missing;
    const json& there = value ? *value : missing;
    bool meant = false;
    if (name.starts_with("f:"))
      meant = fits(step, std::string_view(name).substr(2), there);
    else if (live->is_array() && value)
      meant = fits(step, static_cast<size_t>(value - &live->front()), there);
    if (!meant) continue;
    if (last) {
      going.push_back(name);
    } else if (disown_from(below, value, at + 1)) {
      any = true;
      if (below.empty()) going.push_back(name); // left as a leaf it would say that all below is owned
    }
  }
  for (const auto& name : going) fields.erase(name);
  return any || !going.empty();
}

} // namespace gitsync
