// Our YAML reader against Kubernetes' own (sigs.k8s.io/yaml, built from test/golden/yaml), value by value.
//
// GITSYNC_YAML_ORACLE names the built oracle. Without it the comparison is skipped, loudly: the tables of scalar_test.cpp and
// decode_test.cpp still hold, but nothing proves that Kubernetes agrees with them.
#include "base/text.h"
#include "object/decode.h"
#include "support/catch.h"
#include "unit/object/yaml_corpus.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

using gitsync::Code;
using nlohmann::json;

namespace {

/// Asks the oracle about all texts in one run. Each answer has "json" or "error".
json ask_oracle(const std::string& program, const std::vector<std::string>& texts) {
  char name[] = "/tmp/gitsync-yaml-XXXXXX";
  const int file = mkstemp(name);
  REQUIRE(file >= 0);
  close(file);
  std::ofstream(name) << json(texts).dump();
  std::string out;
  FILE* pipe = popen(("'" + program + "' < " + name).c_str(), "r");
  REQUIRE(pipe != nullptr);
  char buffer[65536];
  while (const size_t count = fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, count);
  const int status = pclose(pipe);
  unlink(name);
  REQUIRE(status == 0);
  json answers = json::parse(out);
  REQUIRE(answers.size() == texts.size());
  return answers;
}

/// The oracle's path, or nothing after saying so.
const char* oracle() {
  const char* program = std::getenv("GITSYNC_YAML_ORACLE");
  if (program == nullptr) {
    WARN("SKIPPED: GITSYNC_YAML_ORACLE is not set. Build it with `cd test/golden/yaml && go build -o FILE .` and set the "
         "variable to FILE (make test does both); until then nothing compares our YAML with Kubernetes' own.");
  }
  return program;
}

enum class Verdict {
  Same,              // the same value
  BothRefuse,        // neither takes it
  WeRefuse,          // Kubernetes' library takes it, we don't
  KubernetesRefuses, // we take it, the library doesn't
  Differ,            // both take it and read different values: never allowed
};

std::string name_of(Verdict verdict) {
  static const std::map<Verdict, std::string> names = {{Verdict::Same, "same"},
                                                       {Verdict::BothRefuse, "both refuse"},
                                                       {Verdict::WeRefuse, "we refuse"},
                                                       {Verdict::KubernetesRefuses, "Kubernetes refuses"},
                                                       {Verdict::Differ, "DIFFER"}};
  return names.at(verdict);
}

struct Comparison {
  Verdict verdict;
  std::string text; // ours and theirs, for messages
  Code code = Code::Internal;
};

Comparison compare(const std::string& text, const json& theirs) {
  const auto ours = gitsync::yaml_to_json("t.yaml", text);
  Comparison out;
  out.text = "text: " + json(text).dump() + "\n  ours:   " + (ours ? ours->dump() : ours.error().text()) +
             "\n  theirs: " + (theirs.contains("json") ? theirs["json"].dump() : theirs["error"].dump());
  if (!ours) out.code = ours.error().code;
  if (!theirs.contains("json")) {
    out.verdict = ours ? Verdict::KubernetesRefuses : Verdict::BothRefuse;
  } else if (!ours) {
    out.verdict = Verdict::WeRefuse;
  } else {
    // Texts, not values: 1 and 1.0 are equal as values, and are not the same to an API server.
    out.verdict = ours->dump() == theirs["json"].dump() ? Verdict::Same : Verdict::Differ;
  }
  return out;
}

/// What we refuse although the library takes it: duplicate keys (it keeps the last one, so which value counts would depend on
/// the reader), tags and keys without a meaning in JSON, and characters that parsers disagree on.
[[maybe_unused]] bool refused_on_purpose(const Comparison& comparison) {
  if (comparison.code == Code::YamlDuplicateKey || comparison.code == Code::YamlType) return true;
  // The library looks at the first document only; we apply all of a file, so what stands behind it must be right as well.
  const bool behind = comparison.text.find("expected the end of the document") != std::string::npos ||
                      comparison.text.find("---") != std::string::npos || comparison.text.find("...") != std::string::npos;
  // "[a:]" and "{a:}": libyaml 0.2.5 says that the colon needs a space, go-yaml reads the text "a:".
  // Tags with characters that YAML 1.2 took out of them ("!a,b").
  return comparison.code == Code::YamlSyntax && (behind || comparison.text.find("found unexpected ':'") != std::string::npos ||
                                                 comparison.text.find("while scanning a tag") != std::string::npos);
}

/// What we take although the library refuses it; the value is the evident one. JSON's escape "\/", a %YAML 1.2 directive, and
/// question marks inside "[ ]" and "{ }", where go-yaml still has YAML 1.0's rule.
[[maybe_unused]] bool taken_on_purpose(const std::string& text) {
  return text.find("\\/") != std::string::npos || text.find("%YAML 1.2") != std::string::npos ||
         text.find('?') != std::string::npos;
}

std::vector<std::string> table() {
  std::vector<std::string> texts(std::begin(documents), std::end(documents));
  for (const std::string scalar : scalars) {
    for (const auto& text : {scalar, "a: " + scalar + "\n", "- " + scalar + "\n- x\n", "[" + scalar + "]",
                             "{a: " + scalar + ", b: 1}\n", scalar + ": v\n", "a:\n  " + scalar + "\n  more\n"})
      texts.push_back(text);
  }
  return texts;
}

/// Random texts: small documents in block and flow style from awkward scalars, and texts of the table with a few bytes changed.
class Generator {
public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  std::string next() {
    if (pick(3) == 0) return mutated();
    std::string out;
    if (pick(2) == 0)
      block(out, 0, 0);
    else
      out = flow(0) + "\n";
    return out;
  }

private:
  size_t pick(size_t count) { return std::uniform_int_distribution<size_t>(0, count - 1)(random_); }
  template <size_t N> std::string one_of(const char* const (&items)[N]) { return items[pick(N)]; }

  std::string atom() {
    static const char* const pieces[] = {"0",        "1",  "7",      "8",      "9",    "_",    "-",  "+",  ".",    "e",  "E",
                                         "x",        "o",  "b",      "X",      "f",    "a",    "y",  "n",  "t",    "T",  ":",
                                         "#",        ",",  " ",      "  ",     "'",    "\"",   "[",  "]",  "{",    "}",  "&",
                                         "*",        "!",  "|",      ">",      "%",    "@",    "?",  "~",  "=",    "<",  "\t",
                                         "\xC3\xA9", "\\", "inf",    "nan",    "null", "true", "on", "No", "0x",   "0b", "0o",
                                         "1e",       "e+", "!!int ", "!!str ", "&a ",  "*a",   "<<", "\n", "\n  ", "---"};
    std::string out;
    for (size_t count = 1 + pick(6); count > 0; --count) out += one_of(pieces);
    return out;
  }
  std::string number() {
    static const char* const pieces[] = {"0", "1",  "7",  "9",  "3",  "5",         ".",  "e",   "-",   "+",
                                         "_", "0x", "0b", "0o", "00", "123456789", "e3", "e-9", "e30", "f"};
    std::string out;
    for (size_t count = 1 + pick(6); count > 0; --count) out += one_of(pieces);
    return out;
  }
  std::string scalar() {
    switch (pick(5)) {
    case 0: return number();
    case 1: return atom();
    case 2: return "w" + std::to_string(pick(9));
    case 3: return json(atom()).dump();
    default: return one_of(scalars);
    }
  }
  std::string key() { return pick(3) == 0 ? scalar() : "k" + std::to_string(pick(5)); }

  void block(std::string& out, size_t indent, int depth) {
    const bool list = pick(3) == 0;
    for (size_t count = 1 + pick(3); count > 0; --count) {
      out.append(indent, ' ');
      out += list ? "-" : key() + ":";
      if (depth < 3 && pick(3) == 0) {
        out += "\n";
        block(out, indent + 1 + pick(3), depth + 1);
      } else if (pick(6) == 0) {
        static const char* const heads[] = {" |\n", " |-\n", " |+\n", " >\n", " >-\n", " >+\n", " |2\n", " > # c\n"};
        out += one_of(heads);
        for (size_t lines = pick(4); lines > 0; --lines)
          out += std::string(pick(2) == 0 ? indent + 2 : pick(indent + 5), ' ') + (pick(4) == 0 ? "" : atom()) + "\n";
      } else {
        out += " " + (pick(5) == 0 ? flow(depth) : scalar()) + (pick(8) == 0 ? " # c\n" : "\n");
      }
    }
  }
  std::string flow(int depth) {
    if (depth > 3 || pick(3) == 0) return scalar();
    const bool list = pick(2) == 0;
    std::string out = list ? "[" : "{";
    for (size_t count = pick(4); count > 0; --count)
      out += (list ? "" : key() + ": ") + flow(depth + 1) + (count > 1 ? ", " : "");
    return out + (list ? "]" : "}");
  }
  std::string mutated() {
    static const char bytes[] = "\n\n :-#,'\"[]{}&*!|>%@?~\\ab01.\t";
    std::string out = one_of(documents);
    for (size_t count = 1 + pick(3); count > 0; --count) {
      const size_t at = pick(out.size() + 1);
      const char byte = bytes[pick(sizeof bytes - 1)];
      switch (pick(3)) {
      case 0: out.insert(at, 1, byte); break;
      case 1:
        if (at < out.size()) out.erase(at, 1);
        break;
      default:
        if (at < out.size()) out[at] = byte;
      }
    }
    return gitsync::valid_utf8(out) ? out : "a: 1\n";
  }

  std::mt19937 random_;
};

} // namespace

namespace {

/// `stray`: how many texts may be refused by us only, for a syntax error that refused_on_purpose() doesn't know (what stands
/// behind a first document can be wrong in any way). Differing values are never allowed.
void check_all(const std::vector<std::string>& texts, [[maybe_unused]] size_t stray) {
  const char* program = oracle();
  if (program == nullptr) return;
  const json answers = ask_oracle(program, texts);
  std::map<Verdict, size_t> counts;
  for (size_t i = 0; i < texts.size(); ++i) {
    const Comparison result = compare(texts[i], answers[i]);
    ++counts[result.verdict];
    const bool right = result.verdict == Verdict::Same || result.verdict == Verdict::BothRefuse ||
                       (result.verdict == Verdict::WeRefuse && refused_on_purpose(result)) ||
                       (result.verdict == Verdict::KubernetesRefuses && taken_on_purpose(texts[i]));
    if (!right && result.verdict == Verdict::WeRefuse && result.code == Code::YamlSyntax && stray > 0) {
      --stray;
      continue;
    }
    if (!right) FAIL_CHECK(name_of(result.verdict) << ": " << result.text);
  }
  std::string summary = "YAML compared with sigs.k8s.io/yaml:";
  for (const auto& [verdict, count] : counts) summary += " " + name_of(verdict) + " " + std::to_string(count) + ";";
  std::cout << summary << std::endl;
  CHECK(counts[Verdict::Same] > texts.size() / 4); // the corpus must say something
}

} // namespace

TEST_CASE("YAML: the table reads as Kubernetes reads it", "[yaml][golden]") { check_all(table(), 0); }

TEST_CASE("YAML: random documents read as Kubernetes reads them", "[yaml][golden]") {
  uint32_t seed = 20261123; // GITSYNC_YAML_SEED tries another one
  if (const char* wanted = std::getenv("GITSYNC_YAML_SEED")) seed = static_cast<uint32_t>(std::strtoul(wanted, nullptr, 10));
  INFO("GITSYNC_YAML_SEED=" << seed);
  Generator generator(seed);
  std::vector<std::string> texts;
  for (int i = 0; i < 20'000; ++i) texts.push_back(generator.next());
  check_all(texts, texts.size() / 500);
}

TEST_CASE("YAML: what we write, Kubernetes reads back as the same", "[yaml][golden]") {
  const char* program = oracle();
  if (program == nullptr) return;
  std::vector<std::string> texts;
  std::vector<json> values;
  for (const std::string scalar : scalars) {
    if (!gitsync::valid_utf8(scalar)) continue;
    values.push_back(
        {{"a", scalar}, {scalar, {1, scalar}}, {"b", {{{"c", scalar + "\n" + scalar + "\n"}}}}, {"d", scalar + "\n"}});
  }
  for (const std::string document : documents)
    if (gitsync::valid_utf8(document)) values.push_back({{"a", document}, {"b", {document, {{"c", document}}}}});
  for (const auto& value : values) texts.push_back(gitsync::json_to_yaml(value));
  const json answers = ask_oracle(program, texts);
  for (size_t i = 0; i < texts.size(); ++i) {
    INFO(texts[i]);
    INFO(answers[i].dump());
    CHECK((answers[i].contains("json") && answers[i]["json"] == values[i]));
  }
}
