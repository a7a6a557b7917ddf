#include "object/decode.h"
#include "support/catch.h"

#include <string>
#include <vector>

using namespace gitsync;
using nlohmann::json;

namespace {

std::string repeat(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

std::string config_map(const std::string& name) { return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\n"; }

/// "Kind name@line" of each manifest, or the errors' texts.
std::vector<std::string> summary(const std::string& file, const std::string& text, const DecodeBudget& budget = {}) {
  std::vector<std::string> out;
  const auto result = decode_file(file, text, budget);
  if (result) {
    for (const auto& manifest : *result) out.push_back(manifest.ref.text() + "@" + std::to_string(manifest.at.line));
  } else {
    for (const auto& error : result.error()) out.push_back(error.text());
  }
  return out;
}

using Lines = std::vector<std::string>;

} // namespace

TEST_CASE("documents become manifests with the line of their first key", "[decode]") {
  const std::string a = config_map("a"), b = config_map("b");
  const Lines both = {"ConfigMap a@1", "ConfigMap b@6"};
  CHECK(summary("f.yaml", a + "---\n" + b) == both);
  CHECK(summary("f.yaml", "---\n" + a + "---\n# only a comment\n---\n" + b + "---\n") ==
        Lines{"ConfigMap a@2", "ConfigMap b@9"});
  CHECK(summary("f.yaml", "# c\n\n" + a) == Lines{"ConfigMap a@3"});
  CHECK(summary("f.yaml", "\xEF\xBB\xBF" + a) == Lines{"ConfigMap a@1"});
  std::string crlf;
  for (const char c : a + "---\n" + b) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  CHECK(summary("f.yaml", crlf) == both);
  CHECK((*decode_file("f.yaml", crlf))[1].body == (*decode_file("f.yaml", b))[0].body);
  for (const std::string nothing : {"", "\n", "---\n", "---\n---\n", "# c\n", "~\n", "\xEF\xBB\xBF"})
    CHECK(summary("f.yaml", nothing).empty());
}

TEST_CASE("a manifest knows its identity", "[decode]") {
  const auto result =
      decode_file("apps/a.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api, namespace: shop}\n");
  REQUIRE(result);
  const Manifest& manifest = result->at(0);
  CHECK(manifest.ref == ObjectRef{"apps", "Deployment", "shop", "api"});
  CHECK(manifest.version == "v1");
  CHECK(manifest.api_version() == "apps/v1");
  CHECK(manifest.at.text() == "apps/a.yaml:1");
}

TEST_CASE("lists are flattened", "[decode]") {
  CHECK(summary("f.yaml", "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: s}}\n- "
                          "{apiVersion: v1, kind: Pod, metadata: {name: p}}\n") == Lines{"Secret s@1", "Pod p@1"});
  CHECK(summary("f.yaml", "apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: s}\n") == Lines{"ConfigMap s@1"});
  CHECK(summary("f.yaml", "apiVersion: v1\nkind: List\nitems: []\n").empty());
  CHECK(summary("f.yaml", "apiVersion: v1\nkind: List\n").empty());
  CHECK(summary("f.yaml", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, "
                          "kind: Pod, metadata: {name: p}}\n") == Lines{"Pod p@1"});
  CHECK(summary("f.yaml", "apiVersion: x.io/v1\nkind: AllowList\nmetadata: {name: l}\nspec: {}\n") ==
        Lines{"AllowList.x.io l@1"}); // a kind of somebody's own
  CHECK(summary("f.yaml",
                "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: p}}\n- {kind: Pod}\n") ==
        Lines{"GS211 f.yaml:1: items[1]: apiVersion is missing or empty: add one, such as \"apiVersion: v1\""});
}

TEST_CASE("JSON files", "[decode]") {
  const std::string object = R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}})";
  CHECK(summary("f.json", object) == Lines{"Pod p@1"});
  CHECK(summary("f.json", "[\n" + object + ",\n" + object + "\n]\n") == Lines{"Pod p@1", "Pod p@1"});
  CHECK(summary("f.yaml", object) == Lines{"Pod p@1"});
  CHECK(summary("f.json", "").empty());
  const auto numbers =
      yaml_to_json("f.json", "{\"a\": 1.0, \"b\": 1e3, \"c\": 18446744073709551615, \"d\": 0.5, \"e\": \"0644\"}");
  REQUIRE(numbers);
  CHECK(numbers->dump() == R"({"a":1,"b":1000,"c":18446744073709551615,"d":0.5,"e":"0644"})");
  CHECK(summary("f.json", "{\n\"a\": 1,\n\"a\": 2}").at(0) ==
        "GS202 f.json:3: the key \"a\" stands twice in one mapping, first in line 2: remove one of them");
  CHECK(summary("f.json", "{\n\"a\": }").at(0).starts_with("GS201 f.json:2: not JSON"));
  CHECK(summary("f.json", object + object).at(0).starts_with("GS201 f.json:1: not JSON"));
  CHECK(summary("f.json", repeat("[", 100'000)).at(0).starts_with("GS203 f.json:1: nested deeper"));
}

TEST_CASE("what is wrong with an object is said with its line and what to do", "[decode]") {
  struct Row {
    const char* text;
    const char* error;
  };
  const Row rows[] = {
      {"- a\n", "GS211 f.yaml:1: expected a Kubernetes object (a mapping with apiVersion, kind and metadata), found a list"},
      {"just text\n",
       "GS211 f.yaml:1: expected a Kubernetes object (a mapping with apiVersion, kind and metadata), found a string"},
      {"\nkind: Pod\n", "GS211 f.yaml:2: apiVersion is missing or empty: add one, such as \"apiVersion: v1\""},
      {"apiVersion: v1\n", "GS211 f.yaml:1: kind is missing or empty: add one, such as \"kind: ConfigMap\""},
      {"apiVersion: 1\nkind: Pod\n", "GS211 f.yaml:1: apiVersion is a number: put the value in quotes"},
      {"apiVersion: a/b/c\nkind: Pod\n",
       "GS211 f.yaml:1: apiVersion \"a/b/c\" is neither a version (\"v1\") nor group/version (\"apps/v1\")"},
      {"apiVersion: v1\nkind: \"P d\"\n", "GS211 f.yaml:1: kind \"P d\" is not the name of a kind: letters and digits only"},
      {"apiVersion: v1\nkind: Pod\n", "GS211 f.yaml:1: Pod: metadata.name is missing or empty: every object needs a name"},
      {"apiVersion: v1\nkind: Pod\nmetadata: x\n", "GS211 f.yaml:1: Pod: metadata is a string, not a mapping"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: 1}\n",
       "GS211 f.yaml:1: Pod: metadata.name is a number: put the value in quotes"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: on}\n",
       "GS211 f.yaml:1: Pod: metadata.name is a boolean: put the value in quotes"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {generateName: x-}\n",
       "GS211 f.yaml:1: Pod: metadata.generateName makes a new object at each apply: give it a fixed metadata.name"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a/b}\n",
       "GS211 f.yaml:1: Pod a/b: metadata.name must not contain \"/\" or \"%\""},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: ..}\n",
       "GS211 f.yaml:1: Pod ..: metadata.name must not be \".\" or \"..\""},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: A_b}\n",
       "GS211 f.yaml:1: Pod a: metadata.namespace \"A_b\" is not the name of a namespace: at most 63 lower-case letters, "
       "digits and \"-\""},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: 5}\n",
       "GS211 f.yaml:1: Pod a: metadata.namespace is a number: put the value in quotes"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {b: 1}}\n",
       "GS211 f.yaml:1: Pod a: metadata.labels: the value of \"b\" is a number: put it in quotes"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: [b]}\n",
       "GS211 f.yaml:1: Pod a: metadata.annotations is a list, not a mapping of strings"},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    CHECK(summary("f.yaml", row.text) == Lines{row.error});
  }
  CHECK(
      summary("f.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: 'system:x'}\n").size() ==
      1); // RBAC's names may
}

TEST_CASE("duplicate keys are found after resolution, at any depth", "[decode]") {
  for (const std::string text :
       {"a: 1\na: 2\n", "on: 1\n\"true\": 2\n", "1: a\n'1': b\n", "010: a\n8: b\n", "x: {a: 1, a: 2}\n",
        "x:\n- a: 1\n  b: 2\n  a: 3\n", "b: &b {p: 1}\na:\n  p: 1\n  <<: *b\n  p: 2\n"}) {
    INFO(text);
    const auto result = yaml_to_json("f.yaml", text);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Code::YamlDuplicateKey);
  }
}

TEST_CASE("merges and aliases", "[decode]") {
  const auto value = [](const std::string& text) {
    const auto result = yaml_to_json("f.yaml", text);
    return result ? result->dump() : result.error().text();
  };
  CHECK(value("b: &b {p: 1, q: 2}\na:\n  <<: *b\n  p: 3\n") == R"({"a":{"p":3,"q":2},"b":{"p":1,"q":2}})");
  CHECK(value("b: &b {p: 1}\na:\n  p: 3\n  <<: *b\n") == R"({"a":{"p":1},"b":{"p":1}})"); // as go-yaml v2 does
  CHECK(value("b: &b {p: 1}\nc: &c {p: 2, r: 3}\na: {<<: [*b, *c]}\n") ==
        R"({"a":{"p":1,"r":3},"b":{"p":1},"c":{"p":2,"r":3}})");
  CHECK(value("a: {\"<<\": 1}\n") == R"({"a":{"<<":1}})");
  CHECK(value("a: {<<: 1}\n").starts_with("GS204 f.yaml:1: \"<<\" wants a mapping"));
  CHECK(value("a: &x 1\nb: &x 2\nc: *x\n") == R"({"a":1,"b":2,"c":2})");
  CHECK(value("&k a: 1\nb: *k\n") == R"({"a":1,"b":"a"})");
  CHECK(value("? [a]\n: b\n").starts_with("GS204 f.yaml:1: a list or mapping cannot be a key"));
}

TEST_CASE("hostile texts are refused within the budget", "[decode]") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string name = "a" + std::to_string(i), before = "*a" + std::to_string(i - 1);
    bomb += name + ": &" + name + " [" + before;
    for (int k = 0; k < 8; ++k) bomb += ", " + before;
    bomb += "]\n";
  }
  struct Row {
    std::string what, text;
    Code code;
  };
  const Row rows[] = {
      {"alias bomb", bomb, Code::YamlBudget},
      {"a long text many times", "a: &a " + repeat("x", 100'000) + "\nb: [" + repeat("*a , ", 1000) + "]\n", Code::YamlBudget},
      {"an alias in its own list", "&x [*x]", Code::YamlBudget},
      {"an alias in its own mapping", "a: &x\n  b: *x\n", Code::YamlBudget},
      {"depth by flow", repeat("[", 100'000), Code::YamlBudget},
      {"depth by block", repeat("- ", 100'000), Code::YamlBudget},
      {"depth by aliases",
       "a: &a [" + repeat("[", 60) + repeat("]", 60) + "]\nb: " + repeat("[", 60) + "*a" + repeat("]", 60) + "\n",
       Code::YamlBudget},
      {"documents", repeat("---\na: 1\n", 10'001), Code::YamlBudget},
      {"bytes", repeat(" ", (10u << 20) + 1), Code::YamlBudget},
      {"not UTF-8", "a: 1\nb: \xFF\n", Code::YamlType},
      {"overlong UTF-8", "a: \xC0\xAF\n", Code::YamlType},
      {"UTF-16",
       std::string("\xFF\xFE"
                   "a\0",
                   4),
       Code::YamlType},
      {"NUL", std::string("a: \0b\n", 6), Code::YamlType},
      {"control character", "a: \x07\n", Code::YamlType},
      {"Unicode's line end", "a: x\xE2\x80\xA8y\n", Code::YamlType},
      {"infinity", "a: .inf\n", Code::YamlType},
      {"unknown tag", "a: !mine x\n", Code::YamlType},
      {"null as key", "~: x\n", Code::YamlType},
      {"unknown anchor", "a: *x\n", Code::YamlSyntax},
      {"tab as indentation", "a:\n\tb: c\n", Code::YamlSyntax},
      {"two values on a line", "a: b: c\n", Code::YamlSyntax},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const auto result = decode_file("f.yaml", row.text);
    REQUIRE_FALSE(result);
    CHECK(result.error().front().code == row.code);
    CHECK(result.error().front().message.starts_with("f.yaml:"));
    CHECK(result.error().size() <= 100);
  }
  CHECK(decode_file("f.yaml", "a: 1\nb: \xFF\n").error().front().message.starts_with("f.yaml:2: "));
  DecodeBudget small;
  small.nodes = 5;
  CHECK_FALSE(yaml_to_json("f.yaml", "[1, 2, 3, 4, 5]", small));
  CHECK(yaml_to_json("f.yaml", "[1, 2, 3, 4]", small));
}

TEST_CASE("nesting up to the budget is fine", "[decode]") {
  const std::string deep = repeat("[", 100) + repeat("]", 100);
  CHECK(yaml_to_json("f.yaml", deep));
  CHECK_FALSE(yaml_to_json("f.yaml", "[" + deep + "]"));
}

TEST_CASE("all errors of a file are told, not only the first", "[decode]") {
  const auto errors = summary("f.yaml", "a: 1\na: 2\n---\n" + config_map("ok") + "---\nb: [1\n---\nkind: Pod\n---\nc: }\n");
  REQUIRE(errors.size() == 4);
  // The parser's errors come first, in order; then those of the objects.
  CHECK(errors[0] == "GS202 f.yaml:2: the key \"a\" stands twice in one mapping, first in line 1: remove one of them");
  CHECK(errors[1].starts_with("GS201 f.yaml:"));
  CHECK(errors[2].starts_with("GS201 f.yaml:"));
  CHECK(errors[3] == "GS211 f.yaml:11: apiVersion is missing or empty: add one, such as \"apiVersion: v1\"");
}

TEST_CASE("texts that lenient parsers take are refused with their line", "[decode]") {
  struct Row {
    const char* text;
    int line;
  };
  const Row rows[] = {{"a: \"x\n", 2}, {"a: 1\nb: 'x\n", 3}, {"a: b\nc\n", 3},     {"[a,,b]", 1},
                      {"%a b\n", 1},   {"a: 1\n}\n", 2},     {" a: 1\nb: 2\n", 2}, {"{a: b} c\n", 1}};
  for (const auto& row : rows) {
    INFO(row.text);
    const auto result = decode_file("f.yaml", row.text);
    REQUIRE_FALSE(result);
    CHECK(result.error().front().text().starts_with("GS201 f.yaml:" + std::to_string(row.line) + ": "));
  }
}

TEST_CASE("yaml_to_json reads the first document only", "[decode]") {
  CHECK(yaml_to_json("f.yaml", "a: 1\n---\na: 1\na: 2\n")->dump() == R"({"a":1})");
  CHECK(yaml_to_json("f.yaml", "")->is_null());
  CHECK(yaml_to_json("f.yaml", "apiVersion: v1\nclusters: []\n")->at("apiVersion") == "v1");
}
