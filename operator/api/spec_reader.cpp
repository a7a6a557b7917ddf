#include "api/spec_reader.h"

#include "api/status_text.h"
#include "base/clock.h"
#include "base/json_read.h"
#include "base/text.h"

#include <algorithm>

namespace gitsync::api {
namespace {

constexpr size_t max_quoted = 80; // bytes of a user's value that a message repeats
constexpr size_t max_text = 1024; // bytes of a text in a list

std::string in_quotes(std::string_view value) { return cat('"', status_text(value, max_quoted), '"'); }

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

} // namespace

SpecReader::SpecReader(const nlohmann::json& object, std::string subject) : object_(object), subject_(std::move(subject)) {
  if (!read_member(object_, "spec").is_object()) problems_.emplace_back("spec: is required and must be an object");
}

std::string SpecReader::text(std::string_view path, std::string_view fallback) {
  fields_.push_back({std::string(path), "string", fallback.empty() ? nlohmann::json() : nlohmann::json(fallback), {}, false});
  const auto& value = find(path);
  if (value.is_null()) return std::string(fallback);
  if (value.is_string()) return value.get<std::string>();
  note(path, cat("must be a string, not ", value.type_name()));
  return std::string(fallback);
}

std::string SpecReader::required_text(std::string_view path) {
  const auto noted = problems_.size();
  std::string value = text(path);
  fields_.back().required = true;
  if (value.empty() && problems_.size() == noted) note(path, "is required");
  return value;
}

bool SpecReader::flag(std::string_view path, bool fallback) {
  fields_.push_back({std::string(path), "boolean", fallback, {}, false});
  const auto& value = find(path);
  if (value.is_null()) return fallback;
  if (value.is_boolean()) return value.get<bool>();
  note(path, cat("must be true or false, not ", value.type_name()));
  return fallback;
}

std::optional<int64_t> SpecReader::number(std::string_view path, int64_t least, int64_t most) {
  fields_.push_back({std::string(path), "integer", {}, {}, false});
  const auto& value = find(path);
  if (value.is_null()) return {};
  const bool whole = value.is_number_integer() && !(value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX);
  if (whole && value.get<int64_t>() >= least && value.get<int64_t>() <= most) return value.get<int64_t>();
  note(path, cat("must be a whole number between ", least, " and ", most));
  return {};
}

size_t SpecReader::choice(std::string_view path, const std::vector<std::string>& choices, size_t fallback) {
  const auto noted = problems_.size();
  const std::string value = text(path, choices[fallback]);
  fields_.back().choices = choices;
  if (problems_.size() > noted) return fallback;
  const auto it = std::ranges::find(choices, value);
  if (it != choices.end()) return static_cast<size_t>(it - choices.begin());
  note(path, cat("must be ", choices.size() > 1 ? "one of " : "", join(choices, ", "), ", not ", in_quotes(value)));
  return fallback;
}

std::chrono::milliseconds SpecReader::duration(std::string_view path, std::string_view fallback,
                                               std::chrono::milliseconds least, std::chrono::milliseconds most) {
  const auto noted = problems_.size();
  const std::string value = text(path, fallback);
  const auto standard = parse_duration(fallback).value_or(least);
  if (problems_.size() > noted) return standard;
  const auto parsed = value.size() <= max_quoted ? parse_duration(value) : fail(Code::InvalidSpec, {});
  if (!parsed) {
    note(path, cat(in_quotes(value), " is not a duration such as 30s, 5m or 1h30m"));
    return standard;
  }
  if (*parsed < least || *parsed > most) {
    note(path, cat(in_quotes(value), " must be between ", duration_text(least), " and ", duration_text(most)));
    return standard;
  }
  return *parsed;
}

const nlohmann::json& SpecReader::list(std::string_view path, size_t most) {
  static const nlohmann::json none = nlohmann::json::array();
  fields_.push_back({std::string(path), "array", {}, {}, false});
  const auto& value = find(path);
  if (value.is_null()) return none;
  if (value.is_array() && value.size() <= most) return value;
  note(path, cat("must be a list of at most ", most, " entries"));
  return none;
}

std::vector<const nlohmann::json*> SpecReader::entries(std::string_view path, size_t most) {
  std::vector<const nlohmann::json*> out;
  for (const auto& entry : list(path, most)) {
    if (!entry.is_object()) note(path, "must be a list of objects");
    out.push_back(&entry);
  }
  return out;
}

std::string SpecReader::entry_text(const nlohmann::json& entry, std::string_view at, std::string_view name, size_t most) {
  const auto& value = read_member(entry, name);
  if (value.is_null()) return {};
  if (!value.is_string()) {
    note(cat(at, ".", name), cat("must be a string, not ", value.type_name()));
    return {};
  }
  if (value.get_ref<const std::string&>().size() <= most) return value.get<std::string>();
  note(cat(at, ".", name), cat("must not be longer than ", most, " characters"));
  return {};
}

size_t SpecReader::count(std::string_view path, size_t most) {
  fields_.push_back({std::string(path), "array", {}, {}, false});
  const auto& value = find(path);
  if (value.is_null()) return 0;
  if (!value.is_array() || value.size() > most) {
    note(path, cat("must be a list of at most ", most, " entries"));
    return 0;
  }
  for (size_t i = 0; i < value.size(); ++i)
    if (!value[i].is_object()) note(cat(path, "[", i, "]"), cat("must be an object, not ", value[i].type_name()));
  return value.size();
}

std::vector<std::string> SpecReader::texts(std::string_view path, size_t most) {
  fields_.push_back({std::string(path), "array", {}, {}, false});
  std::vector<std::string> out;
  const auto& value = find(path);
  if (value.is_null()) return out;
  if (!value.is_array() || value.size() > most) {
    note(path, cat("must be a list of at most ", most, " entries"));
    return out;
  }
  for (size_t i = 0; i < value.size(); ++i) {
    const auto* text = value[i].get_ptr<const std::string*>();
    if (text && !text->empty() && text->size() <= max_text)
      out.push_back(*text);
    else
      note(cat(path, "[", i, "]"), cat("must be a text of 1 to ", max_text, " bytes"));
  }
  return out;
}

void SpecReader::check(bool holds, std::string_view path, std::string_view problem) {
  if (!holds) note(path, problem);
}

std::unexpected<Error> SpecReader::error() const {
  return fail(Code::InvalidSpec, status_text(cat(subject_, ": ", join(problems_, "; "))));
}

const nlohmann::json& SpecReader::find(std::string_view path) {
  static const nlohmann::json none;
  const nlohmann::json* value = &read_member(object_, "spec");
  std::string walked;
  for (const auto part : split(path, '.')) {
    if (value->is_null()) return none;
    if (!value->is_object()) {
      if (!walked.empty()) note(walked, cat("must be an object, not ", value->type_name()));
      return none;
    }
    const auto bracket = part.find('[');
    value = &read_member(*value, part.substr(0, bracket));
    if (bracket != std::string_view::npos) {
      size_t index = 0;
      std::from_chars(part.data() + bracket + 1, part.data() + part.size(), index);
      if (!value->is_array() || index >= value->size()) return none;
      value = &(*value)[index];
    }
    walked += cat(walked.empty() ? "" : ".", part);
  }
  return *value;
}

void SpecReader::note(std::string_view path, std::string_view problem) {
  auto text = cat("spec.", path, ": ", problem);
  if (std::ranges::find(problems_, text) == problems_.end()) problems_.push_back(std::move(text));
}

bool is_dns_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_lower_alnum(text.front()) && is_lower_alnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_lower_alnum(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view text) {
  if (text.size() > 253) return false;
  return std::ranges::all_of(split(text, '.'), [](std::string_view part) {
    return !part.empty() && is_lower_alnum(part.front()) && is_lower_alnum(part.back()) &&
           std::ranges::all_of(part, [](char c) { return is_lower_alnum(c) || c == '-'; });
  });
}

} // namespace gitsync::api
