// JSON → YAML for people, which every YAML reader (1.1 or 1.2) reads back as the same JSON.
#include "base/text.h"
#include "object/decode.h"
#include "object/scalar.h"

#include <algorithm>
#include <yaml-cpp/yaml.h>

namespace gitsync {
namespace {

using nlohmann::json;

constexpr size_t longest_simple_key = 512; // YAML allows 1024 for one that needs no "?"; escapes are counted generously

bool is_plain_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '/' ||
         c == '-' || c == '+' || c == '@' || c == ':' || c == ',' || c == '=' || c == ' ' || c == '(' || c == ')' || c == '*' ||
         c == '$' || c == ';' || c == '<' || c == '>' || c == '^' || c == '~' || c == '\\' || c == '|';
}

/// Whether the text may stand without quotes and be read back as this string by readers of YAML 1.1 and 1.2 alike.
bool may_be_plain(std::string_view text) {
  if (text.empty() || text.size() > 512) return false;
  const char first = text.front();
  const bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '/' || first == '_';
  const bool digit = first >= '0' && first <= '9';
  if (!letter && !digit) return false;
  if (!std::ranges::all_of(text, is_plain_char)) return false;
  if (text.back() == ' ' || text.back() == ':') return false;
  if (text.find(": ") != std::string_view::npos) return false;
  if (!std::holds_alternative<std::string_view>(yaml::resolve_plain(text))) return false;
  // What looks like a number, a date or base 60 to some reader has only these characters.
  const auto numeric = [](char c) {
    return (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-' || c == '+' || c == '_' || c == ',' || c == ' ' ||
           (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == 'x' || c == 'X' || c == 'o' || c == 'O' || c == 'T' ||
           c == 't' || c == 'Z' || c == 'z';
  };
  return !digit || !std::ranges::all_of(text, numeric);
}

/// The length of a character that must not stand raw in YAML (C1 controls, Unicode's line ends, byte order mark), or 0.
size_t awkward(std::string_view rest, uint32_t& point) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(rest[i]); };
  if (rest.size() >= 2 && byte(0) == 0xC2 && byte(1) < 0xA0) {
    point = byte(1);
    return 2;
  }
  if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")) {
    point = byte(2) == 0xA8 ? 0x2028 : 0x2029;
    return 3;
  }
  if (rest.size() >= 3 && byte(0) == 0xEF && ((byte(1) == 0xBB && byte(2) == 0xBF) || (byte(1) == 0xBF && byte(2) >= 0xBE))) {
    point = 0xF000U | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU);
    return 3;
  }
  return 0;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

/// Quoted and escaped by yaml-cpp; what must not stand raw is escaped too.
std::string in_quotes(std::string_view text) {
  YAML::Emitter out;
  uint32_t point = 0;
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == 0x7F || awkward(text.substr(i), point) != 0) {
      out.SetOutputCharset(YAML::EscapeNonAscii);
      break;
    }
  out << YAML::DoubleQuoted << std::string(text);
  return {out.c_str(), out.size()};
}

/// Whether the text reads well as a literal block ("|"), and means the same there.
bool may_be_block(std::string_view text) {
  const size_t end = text.find_last_not_of('\n');
  if (end == std::string_view::npos || text.find('\n') == std::string_view::npos) return false;
  if (text.front() == ' ' || text.front() == '\n' || text.front() == '\t') return false; // would need an indentation indicator
  uint32_t point = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && i > 0 && (text[i - 1] == ' ' || text[i - 1] == '\t')) return false; // invisible: quotes show it
    if ((is_control(text[i]) && text[i] != '\n' && text[i] != '\t') || awkward(text.substr(i), point) != 0) return false;
  }
  return text.back() != ' ' && text.back() != '\t';
}

std::string block(std::string_view text, size_t indent) {
  std::string out = text.back() != '\n' ? "|-" : text.size() > 1 && text[text.size() - 2] == '\n' ? "|+" : "|";
  std::string_view rest = text;
  if (rest.back() == '\n') rest.remove_suffix(1);
  for (const auto line : split(rest, '\n')) {
    out += '\n';
    if (!line.empty()) out.append(indent, ' ').append(line);
  }
  return out;
}

/// A scalar, or an empty list or mapping, behind its key or dash; `indent` is where a block's lines go.
std::string inline_value(const json& value, size_t indent) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (may_be_plain(text)) return text;
    return may_be_block(text) ? block(text, indent) : in_quotes(text);
  }
  return value.dump(); // numbers, true, false, null, {} and [] are the same in JSON and YAML
}

bool nests(const json& value) { return value.is_structured() && !value.empty(); }

/// Writes the lines of a non-empty mapping or list. The first line goes where the cursor is: after "- " for a list's item.
void lines(std::string& out, const json& value, size_t indent) {
  bool first = true;
  const auto begin_line = [&] {
    if (!first) out.append(indent, ' ');
    first = false;
  };
  if (value.is_array()) {
    for (const auto& item : value) {
      begin_line();
      out += "- ";
      if (nests(item))
        lines(out, item, indent + 2);
      else
        out += inline_value(item, indent + 2) + '\n';
    }
    return;
  }
  for (const auto& [key, item] : value.items()) {
    begin_line();
    const std::string name = may_be_plain(key) ? key : in_quotes(key);
    if (name.size() > longest_simple_key) {
      out += cat("? ", name, '\n');
      out.append(indent, ' ');
    } else {
      out += name;
    }
    out += ':';
    if (!nests(item)) {
      out += cat(' ', inline_value(item, indent + 2), '\n');
      continue;
    }
    const size_t inner = item.is_array() ? indent : indent + 2; // lists stand below their key, as kubectl writes them
    out += '\n';
    out.append(inner, ' ');
    lines(out, item, inner);
  }
}

} // namespace

std::string json_to_yaml(const json& value) {
  if (!nests(value)) return inline_value(value, 2) + '\n';
  std::string out;
  lines(out, value, 0);
  return out;
}

} // namespace gitsync
