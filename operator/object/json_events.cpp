#include "object/json_events.h"

#include "base/text.h"
#include "object/scalar.h"

#include <iterator>

namespace gitsync::yaml {
namespace {

/// Walks the text and counts lines; nlohmann's lexer reads no further than the token that it reports.
class LineCounter {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  LineCounter() = default;
  LineCounter(const char* at, int* line) : at_(at), line_(line) {}
  reference operator*() const { return *at_; }
  LineCounter& operator++() {
    if (*at_++ == '\n') ++*line_;
    return *this;
  }
  LineCounter operator++(int) {
    LineCounter before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const LineCounter& a, const LineCounter& b) { return a.at_ == b.at_; }

private:
  const char* at_ = nullptr;
  int* line_ = nullptr;
};

/// nlohmann's SAX events as the builder's.
struct Reader {
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  TreeBuilder& builder;
  const int& line;
  std::optional<SyntaxError> error = {};

  bool text(const std::string& value) { return builder.scalar({line, Style::Quoted, {}, value, 0}); }
  bool null() { return builder.literal(line, nullptr); }
  bool boolean(bool value) { return builder.literal(line, value); }
  bool number_integer(number_integer_t value) { return builder.literal(line, value); }
  bool number_unsigned(number_unsigned_t value) { // one kind of integer for what both can hold, so that equal values are equal
    return value <= INT64_MAX ? builder.literal(line, static_cast<int64_t>(value)) : builder.literal(line, value);
  }
  bool number_float(number_float_t value, const string_t&) { return builder.literal(line, number_json(value)); }
  bool string(string_t& value) { return text(value); }
  bool binary(binary_t&) { return false; }
  bool key(string_t& value) { return text(value); }
  bool start_object(size_t) { return builder.mapping_begin({line, {}, 0}); }
  bool end_object() { return builder.mapping_end(); }
  bool start_array(size_t) { return builder.sequence_begin({line, {}, 0}); }
  bool end_array() { return builder.sequence_end(); }
  bool parse_error(size_t, const std::string& last, const nlohmann::json::exception& why) {
    // nlohmann's text is "[json.exception.…] parse error at line 1, column 2: …": ours has file and line already.
    std::string_view text(why.what());
    if (const size_t colon = text.find(": "); colon != std::string_view::npos) text.remove_prefix(colon + 2);
    error = SyntaxError{
        line, cat("not JSON: ", shorten(text, 160), last.empty() ? "" : " near ", last.empty() ? "" : shorten(last, 40))};
    return false;
  }
};

} // namespace

std::optional<SyntaxError> read_json(std::string_view text, TreeBuilder& builder) {
  int line = 1;
  if (!builder.document_begin(line)) return std::nullopt;
  Reader reader{builder, line};
  const bool whole =
      nlohmann::json::sax_parse(LineCounter(text.data(), &line), LineCounter(text.data() + text.size(), &line), &reader);
  if (whole) builder.document_end();
  return reader.error;
}

} // namespace gitsync::yaml
