// Events of a YAML (or JSON) stream → one JSON value per document, within a budget. Pure; one builder per file, one thread.
#pragma once
#include "base/error.h"
#include "object/decode.h"
#include "object/events.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace gitsync::yaml {

/// One document and the 1-based line of its first key.
struct Document {
  nlohmann::json root;
  int line = 0;
};

/// Builds documents while events come in. Aliases are expanded and counted, so that a small text cannot become a large tree;
/// keys are compared after they were resolved (`on:` and "true": are the same); `<<` merges as go-yaml v2 does: in the order
/// of the text, so an explicit key replaces a merged one, and a merge after an explicit key replaces that.
/// What is wrong with one document is collected, and the next one is read on; a broken budget ends all.
class TreeBuilder final : public EventSink {
public:
  /// `file` begins messages. At most `max_documents` documents are read: 1 for a caller that wants the first only.
  TreeBuilder(std::string_view file, const DecodeBudget& budget, size_t max_documents);
  ~TreeBuilder() override;

  bool document_begin(int line) override;
  bool document_end() override;
  bool scalar(const ScalarEvent& event) override;
  bool alias(int line, size_t anchor) override;
  bool mapping_begin(const OpenEvent& event) override;
  bool mapping_end() override;
  bool sequence_begin(const OpenEvent& event) override;
  bool sequence_end() override;

  /// A value that is JSON already (for JSON files): a number, true, false or null.
  bool literal(int line, nlohmann::json value);
  /// Drops the document that is being built, after a syntax error in it.
  void abandon();
  /// Adds an error that belongs to the file (a syntax error), in order. Answers whether there is room for more.
  bool report(Code code, int line, std::string_view why);

  std::vector<Document>& documents() { return documents_; }
  std::vector<Error>& errors() { return errors_; }
  /// Whether nothing more may be read: a budget is spent or the wanted documents are there.
  bool finished() const { return finished_; }

private:
  struct Cost {
    size_t nodes = 0;
    size_t bytes = 0;
    int depth = 0; // of nesting below and including the value; 0 for a scalar
  };
  /// A complete value on its way into its parent.
  struct Value {
    nlohmann::json json;
    Cost cost;
    int line = 0;
    bool is_alias = false;
    bool is_merge_key = false;
    std::optional<std::string> key; // a scalar's text as a key; nothing where it cannot be one
    std::string key_problem;

    static Value at(int line, nlohmann::json json, Cost cost) {
      Value value;
      value.line = line;
      value.json = std::move(json);
      value.cost = cost;
      return value;
    }
  };
  struct Frame;

  bool open(const OpenEvent& event, bool mapping);
  bool close();
  bool place(Value value, size_t anchor);
  void take_key(Frame& frame, Value value);
  void put(Frame& frame, Value value);
  void merge(Frame& frame, Value value);
  void merge_mapping(Frame& frame, nlohmann::json& from);
  bool charge(int line, size_t nodes, size_t bytes, int depth);
  bool give_up(Code code, int line, std::string_view why);

  std::string file_;
  DecodeBudget budget_;
  size_t max_documents_;
  std::vector<Frame> frames_;
  std::unordered_map<size_t, Value> anchors_;
  std::unordered_set<size_t> open_anchors_;
  std::vector<Document> documents_;
  std::vector<Error> errors_;
  Document current_;
  size_t seen_documents_ = 0;
  size_t nodes_ = 0;
  size_t bytes_ = 0;
  size_t kept_nodes_ = 0; // copies held for anchors
  bool bad_ = false;      // the current document has an error
  bool finished_ = false;
};

} // namespace gitsync::yaml
