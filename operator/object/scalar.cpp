#include "object/scalar.h"

#include "base/text.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <system_error>

namespace gitsync::yaml {
namespace {

constexpr std::string_view core_tag = "tag:yaml.org,2002:";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The words that stand for a value. At most six characters, so a switch over the length keeps ordinary strings cheap.
std::optional<Scalar> word(std::string_view text) {
  const auto any = [&](auto... words) { return ((text == words) || ...); };
  switch (text.size()) {
  case 0: return Scalar{nullptr};
  case 1:
    if (any("y", "Y")) return Scalar{true};
    if (any("n", "N")) return Scalar{false};
    if (any("~")) return Scalar{nullptr};
    break;
  case 2:
    if (any("on", "On", "ON")) return Scalar{true};
    if (any("no", "No", "NO")) return Scalar{false};
    break;
  case 3:
    if (any("yes", "Yes", "YES")) return Scalar{true};
    if (any("off", "Off", "OFF")) return Scalar{false};
    break;
  case 4:
    if (any("true", "True", "TRUE")) return Scalar{true};
    if (any("null", "Null", "NULL")) return Scalar{nullptr};
    if (any(".nan", ".NaN", ".NAN")) return Scalar{std::numeric_limits<double>::quiet_NaN()};
    if (any(".inf", ".Inf", ".INF")) return Scalar{std::numeric_limits<double>::infinity()};
    break;
  case 5:
    if (any("false", "False", "FALSE")) return Scalar{false};
    if (any("+.inf", "+.Inf", "+.INF")) return Scalar{std::numeric_limits<double>::infinity()};
    if (any("-.inf", "-.Inf", "-.INF")) return Scalar{-std::numeric_limits<double>::infinity()};
    break;
  default: break;
  }
  return std::nullopt;
}

/// Digits of one base, no sign; nothing where a character is none of them, there is none, or 64 bits are too few.
std::optional<uint64_t> magnitude(std::string_view digits, int base) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<Scalar> signed_value(bool negative, std::optional<uint64_t> value, bool had_sign) {
  constexpr uint64_t limit = uint64_t{1} << 63;
  if (!value) return std::nullopt;
  if (negative) {
    if (*value > limit) return std::nullopt;
    return Scalar{static_cast<int64_t>(0 - *value)};
  }
  if (*value < limit) return Scalar{static_cast<int64_t>(*value)};
  if (had_sign) return std::nullopt; // "+" and beyond int64: Go's ParseUint takes no sign
  return Scalar{*value};
}

/// An integer literal as Go's ParseInt(text, 0, 64) and ParseUint read it; `text` has no underscores any more.
std::optional<Scalar> go_integer(std::string_view text) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  const bool had_sign = negative || rest.starts_with('+');
  if (had_sign) rest.remove_prefix(1);
  int base = 10;
  if (rest.size() > 1 && rest[0] == '0') {
    const char mark = static_cast<char>(rest[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : mark == 'o' ? 8 : 0;
    rest.remove_prefix(base == 0 ? 1 : 2);
    if (base == 0) base = 8;
  }
  return signed_value(negative, magnitude(rest, base), had_sign);
}

/// "0b-1" is -1 and "0b+1" is 1 for go-yaml: after its prefix it reads another signed number in base 2.
std::optional<Scalar> odd_binary(std::string_view text) {
  if (!text.starts_with("0b") || text.size() < 3 || (text[2] != '-' && text[2] != '+')) return std::nullopt;
  return signed_value(text[2] == '-', magnitude(text.substr(3), 2), true);
}

/// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool looks_like_float(std::string_view text) {
  size_t i = 0;
  const auto digits = [&] {
    const size_t from = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - from;
  };
  const auto sign = [&] {
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  };
  sign();
  const bool whole = digits() > 0;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0 && !whole) return false;
  } else if (!whole) {
    return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    sign();
    if (digits() == 0) return false;
  }
  return i == text.size();
}

/// Whether a float literal whose value 64 bits cannot hold is too small (Go reads 0) rather than too large (Go reads a string).
bool underflows(std::string_view text) {
  // The position of the first significant digit, counted from the point, plus the exponent: below zero is tiny.
  const size_t e = text.find_first_of("eE");
  const std::string_view mantissa = text.substr(0, e);
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  const size_t first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos) return true;
  const auto distance = first < point ? static_cast<int64_t>(point - first) : -static_cast<int64_t>(first - point);
  int64_t exponent = 0;
  if (e != std::string_view::npos) {
    std::string_view digits = text.substr(e + 1);
    const bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.remove_prefix(1);
    const auto value = magnitude(digits, 10);
    exponent = value && *value < 1'000'000'000 ? static_cast<int64_t>(*value) : 1'000'000'000;
    if (negative) exponent = -exponent;
  }
  return distance + exponent < 0;
}

std::optional<Scalar> go_float(std::string_view text) {
  if (!looks_like_float(text)) return std::nullopt;
  if (text.starts_with('+')) text.remove_prefix(1); // from_chars knows no plus
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    if (!underflows(text)) return std::nullopt;
    return Scalar{text.starts_with('-') ? -0.0 : 0.0};
  }
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(value)) return std::nullopt;
  return Scalar{value};
}

std::string without_underscores(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != '_') out += c;
  return out;
}

/// Behind a leading point go-yaml leaves underscores to Go's own float reader, which wants digits on both sides of each.
bool underscores_between_digits(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '_' && (i == 0 || i + 1 == text.size() || !is_digit(text[i - 1]) || !is_digit(text[i + 1]))) return false;
  return true;
}

std::optional<Scalar> pointed_float(std::string_view text) {
  if (text.find('_') == std::string_view::npos) return go_float(text);
  return underscores_between_digits(text) ? go_float(without_underscores(text)) : std::nullopt;
}

/// What begins with a digit or a sign: go-yaml drops all underscores first, wherever they stand.
std::optional<Scalar> number(std::string_view text) {
  std::string without;
  if (text.find('_') != std::string_view::npos) text = without = without_underscores(text);
  if (auto value = go_integer(text)) return value;
  if (auto value = go_float(text)) return value;
  return odd_binary(text);
}

/// The shortest decimal digits that read back as the same number, and the power of ten of the first one.
struct Decimal {
  bool negative = false;
  std::string digits; // no point, no trailing zeros; "0" for zero
  int exponent = 0;
};

template <class Float> Decimal shortest(Float value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  Decimal out;
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  if (text.starts_with('-')) {
    out.negative = true;
    text.remove_prefix(1);
  }
  const size_t e = text.find('e');
  for (const char c : text.substr(0, e))
    if (c != '.') out.digits += c;
  while (out.digits.size() > 1 && out.digits.back() == '0') out.digits.pop_back();
  std::string_view power = text.substr(e + 1);
  if (power.starts_with('+')) power.remove_prefix(1);
  std::from_chars(power.data(), power.data() + power.size(), out.exponent);
  return out;
}

/// Go's strconv.FormatFloat(value, 'g', -1, 32), which is how a float key becomes text.
std::string key_of(double value) {
  const auto narrow = static_cast<float>(value); // beyond float's range: an infinity, as in Go
  if (std::isnan(narrow)) return ".nan";
  if (std::isinf(narrow)) return narrow > 0 ? ".inf" : "-.inf";
  const Decimal decimal = shortest(narrow);
  const int count = static_cast<int>(decimal.digits.size());
  std::string out = decimal.negative ? "-" : "";
  if (decimal.exponent < -4 || decimal.exponent >= 6) { // Go's rule for 'g' with the shortest digits
    out += decimal.digits[0];
    if (count > 1) out += cat('.', std::string_view(decimal.digits).substr(1));
    const int power = std::abs(decimal.exponent);
    return cat(out, 'e', decimal.exponent < 0 ? '-' : '+', power < 10 ? "0" : "", power);
  }
  if (decimal.exponent < 0) return cat(out, "0.", std::string(static_cast<size_t>(-decimal.exponent - 1), '0'), decimal.digits);
  const int whole = decimal.exponent + 1;
  if (count <= whole) return cat(out, decimal.digits, std::string(static_cast<size_t>(whole - count), '0'));
  return cat(out, std::string_view(decimal.digits).substr(0, static_cast<size_t>(whole)), '.',
             std::string_view(decimal.digits).substr(static_cast<size_t>(whole)));
}

} // namespace

Scalar resolve_plain(std::string_view text) {
  if (text.empty()) return nullptr;
  switch (text[0]) {
  case 'y':
  case 'Y':
  case 'n':
  case 'N':
  case 't':
  case 'T':
  case 'f':
  case 'F':
  case 'o':
  case 'O':
  case '~':
    if (auto value = word(text)) return *value;
    return text;
  case '.':
    if (auto value = word(text)) return *value;
    if (auto value = pointed_float(text)) return *value;
    return text;
  case '+':
  case '-':
    if (auto value = word(text)) return *value;
    break;
  default:
    if (!is_digit(text[0])) return text;
  }
  if (auto value = number(text)) return *value;
  return text;
}

std::expected<Scalar, std::string> resolve_tagged(std::string_view tag, std::string_view text) {
  const auto unfit = [&] {
    return std::unexpected(cat('"', shorten(text, 60), "\" is not what its tag !!", tag, " promises"));
  };
  if (!tag.starts_with(core_tag)) return std::unexpected(cat("the tag ", shorten(tag, 60), " has no meaning here: remove it"));
  tag.remove_prefix(core_tag.size());
  if (tag == "str") return text;
  const Scalar value = resolve_plain(text);
  if (tag == "bool") return std::holds_alternative<bool>(value) ? std::expected<Scalar, std::string>(value) : unfit();
  if (tag == "null") return std::holds_alternative<std::nullptr_t>(value) ? std::expected<Scalar, std::string>(value) : unfit();
  if (tag == "int") {
    if (std::holds_alternative<int64_t>(value) || std::holds_alternative<uint64_t>(value)) return value;
    return unfit();
  }
  if (tag == "float") {
    if (std::holds_alternative<double>(value)) return value;
    if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
    return unfit();
  }
  return std::unexpected(cat("the tag !!", shorten(tag, 60), " has no meaning in JSON: remove it"));
}

nlohmann::json number_json(double value) {
  // Go writes a float below 1e21 without an exponent; where that leaves no fraction, Kubernetes reads an integer back.
  const Decimal decimal = shortest(value);
  const int count = static_cast<int>(decimal.digits.size());
  if (decimal.exponent < count - 1 || decimal.exponent > 20) return value == 0 ? nlohmann::json(0) : nlohmann::json(value);
  const std::string whole = decimal.digits + std::string(static_cast<size_t>(decimal.exponent + 1 - count), '0');
  const auto integer = signed_value(decimal.negative, magnitude(whole, 10), decimal.negative);
  if (!integer) return value;
  if (const auto* narrow = std::get_if<int64_t>(&*integer)) return *narrow;
  return std::get<uint64_t>(*integer);
}

std::expected<nlohmann::json, std::string> to_json(const Scalar& scalar) {
  using Answer = std::expected<nlohmann::json, std::string>;
  struct Visitor {
    Answer operator()(std::nullptr_t) const { return nlohmann::json(nullptr); }
    Answer operator()(bool value) const { return nlohmann::json(value); }
    Answer operator()(int64_t value) const { return nlohmann::json(value); }
    Answer operator()(uint64_t value) const { return nlohmann::json(value); }
    Answer operator()(std::string_view value) const { return nlohmann::json(value); }
    Answer operator()(double value) const {
      if (!std::isfinite(value))
        return std::unexpected("JSON has no NaN and no infinity: put the value in quotes if text is meant");
      return number_json(value);
    }
  };
  return std::visit(Visitor{}, scalar);
}

std::expected<std::string, std::string> to_key(const Scalar& scalar) {
  using Answer = std::expected<std::string, std::string>;
  struct Visitor {
    Answer operator()(std::nullptr_t) const { return std::unexpected("a key is null: give it a name, or quote it"); }
    Answer operator()(bool value) const { return value ? "true" : "false"; }
    Answer operator()(int64_t value) const { return std::to_string(value); }
    Answer operator()(uint64_t) const {
      return std::unexpected("a key is a number that 64 bits with a sign cannot hold: quote it");
    }
    Answer operator()(std::string_view value) const { return std::string(value); }
    Answer operator()(double value) const { return key_of(value); }
  };
  return std::visit(Visitor{}, scalar);
}

} // namespace gitsync::yaml
