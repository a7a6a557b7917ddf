// read_events() over yaml-cpp, where the build has no libyaml. It is lenient (an unclosed quote, a key without a colon and an
// unknown directive pass) and slow; test/unit/object/yaml_golden_test.cpp counts where it differs from Kubernetes.
#ifndef GITSYNC_LIBYAML
#include "object/events.h"

#include "base/text.h"

#include <algorithm>
#include <istream>
#include <streambuf>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace gitsync::yaml {
namespace {

/// Thrown through the parser where the sink wants no more; never leaves this file.
struct Stopped {};
/// Thrown through the parser where it accepts what YAML does not; never leaves this file.
struct Refused {
  SyntaxError error;
};

/// Reads from memory without copying it into a stringstream.
class ViewBuffer : public std::streambuf {
public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data()); // only ever read
    setg(begin, begin, begin + text.size());
  }
};

/// yaml-cpp's events as ours. yaml-cpp (0.7 and 0.8) gives "?" as the tag of what has none and "!" for quoted scalars.
class Adapter : public YAML::EventHandler {
public:
  Adapter(std::string_view text, int first_line, EventSink& sink) : text_(text), first_line_(first_line), sink_(sink) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0 && !line_at(mark).starts_with("---"))
      throw Refused{{line(mark), "expected the end of the document or \"---\" here; check the indentation of this line"}};
    keep(sink_.document_begin(line(mark)));
  }
  void OnDocumentEnd() override { keep(sink_.document_end()); }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    keep(sink_.scalar({line(mark), Style::Plain, {}, {}, anchor}));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { keep(sink_.alias(line(mark), anchor)); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    if (!valid_utf8(value)) // escapes such as "\\N" and "\\uD800"
      throw Refused{{line(mark), "an escape in this string makes no valid UTF-8: write the character itself"}};
    const Style style = tag == "?" || tag.empty() ? Style::Plain : tag == "!" ? Style::Quoted : Style::Tagged;
    keep(sink_.scalar({line(mark), style, style == Style::Tagged ? std::string_view(tag) : std::string_view(), value, anchor}));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    keep(sink_.sequence_begin({line(mark), written(tag), anchor}));
  }
  void OnSequenceEnd() override { keep(sink_.sequence_end()); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    keep(sink_.mapping_begin({line(mark), written(tag), anchor}));
  }
  void OnMapEnd() override { keep(sink_.mapping_end()); }

  int line(const YAML::Mark& mark) const { return first_line_ + std::max(mark.line, 0); }

private:
  static void keep(bool going) {
    if (!going) throw Stopped{};
  }
  static std::string_view written(const std::string& tag) {
    return tag == "?" || tag == "!" ? std::string_view() : std::string_view(tag);
  }

  /// The line of a mark, found by walking on from the one before: documents come in order.
  std::string_view line_at(const YAML::Mark& mark) {
    while (walked_lines_ < mark.line) {
      const size_t end = text_.find('\n', walked_);
      if (end == std::string_view::npos) break;
      walked_ = end + 1;
      ++walked_lines_;
    }
    return text_.substr(walked_);
  }

  std::string_view text_;
  int first_line_;
  EventSink& sink_;
  size_t documents_ = 0;
  size_t walked_ = 0;
  int walked_lines_ = 0;
};

} // namespace

std::optional<SyntaxError> read_events(std::string_view text, int first_line, EventSink& sink) {
  Adapter adapter(text, first_line, sink);
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(adapter)) {}
  } catch (const Stopped&) {
  } catch (const Refused& refused) { return refused.error; } catch (const YAML::Exception& error) {
    return SyntaxError{adapter.line(error.mark), error.msg};
  }
  return std::nullopt;
}

} // namespace gitsync::yaml
#endif
