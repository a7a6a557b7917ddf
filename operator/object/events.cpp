// read_events() over libyaml, the C parser that Kubernetes' own (go-yaml v2) was ported from: the same text, the same events.
#include "object/events.h"

#include "base/text.h"

#include <memory>
#include <unordered_map>
#include <yaml.h>

namespace gitsync::yaml {
namespace {

struct ParserDeleter {
  void operator()(yaml_parser_t* parser) const {
    yaml_parser_delete(parser);
    delete parser;
  }
};
struct EventGuard {
  yaml_event_t event{};
  ~EventGuard() { yaml_event_delete(&event); }
};

std::string_view view(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

/// libyaml's words for what went wrong, with what to do where they say too little.
std::string explain(std::string_view problem) {
  if (problem == "did not find expected <document start>")
    return "expected the end of the document or \"---\" here: check the indentation of this line";
  if (problem == "found character that cannot start any token")
    return "found a character that cannot start a value (a tab, \"@\", \"`\" or \"%\"): indent with spaces, put text in quotes";
  if (problem == "could not find expected ':'")
    return "expected \"key: value\": a colon is missing, or the line before is not indented as meant";
  if (problem == "mapping values are not allowed in this context")
    return "a \": \" where no key may stand: check the indentation, or put the text in quotes";
  return std::string(problem);
}

/// libyaml's events as ours.
class Adapter {
public:
  Adapter(int first_line, EventSink& sink) : first_line_(first_line), sink_(sink) {}

  int line(const yaml_mark_t& mark) const { return first_line_ + static_cast<int>(mark.line); }

  /// Answers whether to go on.
  bool take(const yaml_event_t& event) {
    const int at = line(event.start_mark);
    switch (event.type) {
    case YAML_DOCUMENT_START_EVENT: anchors_.clear(); return sink_.document_begin(at);
    case YAML_DOCUMENT_END_EVENT: return sink_.document_end();
    case YAML_ALIAS_EVENT: {
      const auto known = anchors_.find(std::string(view(event.data.alias.anchor)));
      return sink_.alias(at, known == anchors_.end() ? 0 : known->second);
    }
    case YAML_SCALAR_EVENT: {
      const auto& scalar = event.data.scalar;
      const Style style = scalar.tag != nullptr ? Style::Tagged : scalar.plain_implicit ? Style::Plain : Style::Quoted;
      return sink_.scalar(
          {at, style, view(scalar.tag), {reinterpret_cast<const char*>(scalar.value), scalar.length}, number(scalar.anchor)});
    }
    case YAML_SEQUENCE_START_EVENT:
      return sink_.sequence_begin({at, view(event.data.sequence_start.tag), number(event.data.sequence_start.anchor)});
    case YAML_SEQUENCE_END_EVENT: return sink_.sequence_end();
    case YAML_MAPPING_START_EVENT:
      return sink_.mapping_begin({at, view(event.data.mapping_start.tag), number(event.data.mapping_start.anchor)});
    case YAML_MAPPING_END_EVENT: return sink_.mapping_end();
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT: return true;
    }
    return true;
  }

private:
  /// A new number for an anchor's name, 0 for none.
  size_t number(const yaml_char_t* name) {
    if (name == nullptr) return 0;
    return anchors_[std::string(view(name))] = ++last_anchor_;
  }

  int first_line_;
  EventSink& sink_;
  std::unordered_map<std::string, size_t> anchors_; // of the current document
  size_t last_anchor_ = 0;
};

} // namespace

std::optional<SyntaxError> read_events(std::string_view text, int first_line, EventSink& sink) {
  const std::unique_ptr<yaml_parser_t, ParserDeleter> parser(new yaml_parser_t{});
  if (yaml_parser_initialize(parser.get()) == 0) return SyntaxError{first_line, "out of memory"};
  yaml_parser_set_encoding(parser.get(), YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(parser.get(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  Adapter adapter(first_line, sink);
  for (;;) {
    EventGuard guard;
    if (yaml_parser_parse(parser.get(), &guard.event) == 0) {
      std::string why = explain(parser->problem == nullptr ? "not YAML" : parser->problem);
      if (parser->context != nullptr)
        why = cat(why, " (", parser->context, " from line ", adapter.line(parser->context_mark), ')');
      return SyntaxError{adapter.line(parser->problem_mark), std::move(why)};
    }
    if (guard.event.type == YAML_STREAM_END_EVENT || !adapter.take(guard.event)) return std::nullopt;
  }
}

} // namespace gitsync::yaml
