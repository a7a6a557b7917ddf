// What a real API server said (fixtures/take.sh), and how the tests of ownership look at it.
#pragma once
#include "object/ownership.h"
#include "support/catch.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace gitsync::samples {

using nlohmann::json;
using Steps = std::vector<std::string>;

inline constexpr std::string_view manager = "gitsync:shop/web";

/// What a real API server said (fixtures/take.sh).
struct Sample {
  json desired, before, after;
};

inline Sample sample(const std::string& name) {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "fixtures" / (name + ".json");
  std::ifstream in(path);
  INFO("reading " << path);
  REQUIRE(in.good());
  const json value = json::parse(in);
  return {value.at("desired"), value.at("before"), value.at("after")};
}

/// How the operator looks at a live object after `before` was applied.
inline std::optional<Ownership> look(const json& live, const Sample& from) {
  return ownership(live, manager, "salt", empty_declarations(from.before, manager, from.desired));
}

/// What is remembered of it.
inline Known known_of(const Sample& from) {
  return {look(from.before, from)->foreign, empty_declarations(from.before, manager, from.desired)};
}

inline json& fields_of(json& object, std::string_view who) {
  for (auto& entry : object["metadata"]["managedFields"])
    if (entry["manager"] == who && !entry.contains("subresource")) return entry["fieldsV1"];
  FAIL("no managedFields entry of " << who);
  throw std::logic_error("unreachable");
}

inline const json* at(const json& fields, const Steps& steps) {
  const json* node = &fields;
  for (const auto& step : steps) {
    if (!node->contains(step)) return nullptr;
    node = &node->at(step);
  }
  return node;
}

/// The live value that FieldsV1 steps name, found without the code under test; null where it is missing.
inline json* value_at(json& object, const Steps& steps) {
  json* value = &object;
  for (const auto& step : steps) {
    const std::string rest = step.substr(2);
    if (step.starts_with("f:")) {
      if (!value->is_object() || !value->contains(rest)) return nullptr;
      value = &(*value)[rest];
      continue;
    }
    if (!value->is_array()) return nullptr;
    json* found = nullptr;
    const json wanted = json::parse(rest);
    for (auto& item : *value) {
      bool same = step.starts_with("v:") ? item == wanted : true;
      if (step.starts_with("k:"))
        for (const auto& [key, is] : wanted.items()) same = same && item.contains(key) && item[key] == is;
      if (same) found = &item;
    }
    if (!found) return nullptr;
    value = found;
  }
  return value;
}

inline void leaves(const json& fields, Steps path, std::vector<Steps>& out) {
  for (const auto& [step, below] : fields.items()) {
    if (step == ".") continue;
    Steps here = path;
    here.push_back(step);
    if (below.empty())
      out.push_back(std::move(here));
    else
      leaves(below, std::move(here), out);
  }
}

inline std::string text(const Steps& steps) {
  std::string out;
  for (const auto& step : steps) out += "/" + step;
  return out;
}

inline const std::vector<std::string> all_samples = {"image",
                                                     "args",
                                                     "label-removed",
                                                     "scaled",
                                                     "data-changed",
                                                     "data-removed",
                                                     "set-member-removed",
                                                     "ingress-path",
                                                     "under-our-name",
                                                     "wiped",
                                                     "wiped-and-applied",
                                                     "added-annotation",
                                                     "added-container",
                                                     "added-env",
                                                     "added-in-empty",
                                                     "added-data",
                                                     "added-set-member",
                                                     "added-port",
                                                     "renamed-container",
                                                     "renamed-env",
                                                     "renamed-port",
                                                     "renamed-data",
                                                     "union-probe",
                                                     "union-volume",
                                                     "union-empty-volume",
                                                     "union-strategy"};

inline const Steps pod = {"f:spec", "f:template", "f:spec"};
inline Steps in_pod(std::initializer_list<std::string> steps) {
  Steps out = pod;
  out.insert(out.end(), steps);
  return out;
}

/// An object with managedFields entries: {manager, operation, time, fields, subresource}.
struct Entry {
  std::string who, operation, time;
  json fields;
  std::string subresource = "";
};
inline json object(json value, const std::vector<Entry>& entries) {
  json list = json::array();
  for (const auto& entry : entries) {
    json item = {{"manager", entry.who}, {"operation", entry.operation}, {"time", entry.time},
                 {"apiVersion", "v1"},   {"fieldsType", "FieldsV1"},     {"fieldsV1", entry.fields}};
    if (!entry.subresource.empty()) item["subresource"] = entry.subresource;
    list.push_back(std::move(item));
  }
  value["apiVersion"] = "v1";
  value["metadata"]["managedFields"] = std::move(list);
  return value;
}
inline const json leaf = json::object();

} // namespace gitsync::samples
