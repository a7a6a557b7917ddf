// What a YAML parser reports while it reads, and the one place that knows which parser that is. Pure, any thread.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gitsync::yaml {

enum class Style {
  Plain,  // its text decides its type
  Quoted, // quoted or block: a string
  Tagged, // its tag decides
};

/// Views are valid during the call only.
struct ScalarEvent {
  int line = 0; // 1-based
  Style style = Style::Plain;
  std::string_view tag; // for Tagged: "tag:yaml.org,2002:int", "!mine"
  std::string_view text;
  size_t anchor = 0; // 0: none; a name that is anchored again gets a new number
};

/// Where a mapping or sequence begins.
struct OpenEvent {
  int line = 0;
  std::string_view tag; // empty where none is written
  size_t anchor = 0;
};

/// Takes the events of a stream in order. Each answers whether to go on; after `false` no more come.
class EventSink {
public:
  virtual ~EventSink() = default;
  virtual bool document_begin(int line) = 0;
  virtual bool document_end() = 0;
  virtual bool scalar(const ScalarEvent& event) = 0;
  virtual bool alias(int line, size_t anchor) = 0;
  virtual bool mapping_begin(const OpenEvent& event) = 0;
  virtual bool mapping_end() = 0;
  virtual bool sequence_begin(const OpenEvent& event) = 0;
  virtual bool sequence_end() = 0;
};

/// Why the text is not YAML, and the 1-based line where that shows.
struct SyntaxError {
  int line = 0;
  std::string why;
};

/// Reads a stream of documents whose first line has the number `first_line`. Nothing where it ended well or the sink said stop.
/// `text` must have passed check_text(). Documents already reported stay valid when a later one is broken.
std::optional<SyntaxError> read_events(std::string_view text, int first_line, EventSink& sink);

/// Whether the bytes may be YAML at all: UTF-8, no control characters, none of Unicode's own line ends (parsers disagree on
/// those). Source: YAML 1.1 section 5.1, as go-yaml enforces it.
std::optional<SyntaxError> check_text(std::string_view text);

/// The text without a byte order mark and with "\n" line ends, which is what YAML says "\r\n" and "\r" mean. `storage` holds
/// it where it had to change.
std::string_view plain_lines(std::string_view text, std::string& storage);

} // namespace gitsync::yaml
