// The drift engine on objects that are hard to compare: test/golden/awkward, one object a file, and what else has no file.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

#include <algorithm>
#include <map>
#include <set>

using namespace gitsync::test;

namespace {

constexpr size_t changes_per_copy = 4; // more in so short a time would count as a fight, and be slowed down

/// What of an object has to be as it was: everything but what the server and controllers write.
json essence(json object) {
  object.erase("status");
  auto& metadata = object["metadata"];
  for (const char* field : {"resourceVersion", "generation", "managedFields", "uid", "creationTimestamp"})
    metadata.erase(field);
  if (metadata.contains("annotations")) metadata["annotations"].erase("deployment.kubernetes.io/revision");
  return object;
}

/// The files of the corpus by name, without ".yaml".
std::map<std::string, std::string> corpus() {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(checkout() / "test/golden/awkward"))
    if (entry.is_regular_file()) out[entry.path().stem()] = read_file(entry.path());
  return out;
}

/// A change that another client makes.
struct Change {
  std::string pointer; // of the live object
  json operation;      // of a JSON patch
};

/// The values below a node that JSON has no name for.
void leaves_of(const json& value, const std::string& pointer, std::set<std::string>& out) {
  if (!value.is_structured() || value.empty()) {
    out.insert(pointer);
    return;
  }
  const json flat = value.flatten();
  for (const auto& [below, leaf] : flat.items()) out.insert(pointer + below);
}

std::string escaped(const std::string& key) { return replaced(replaced(key, "~", "~0"), "/", "~1"); }

/// The places of all values that a managedFields entry names. An item of a list is found by its keys, a set's by its value.
void declared_leaves(const json& fields, const json& live, const std::string& pointer, std::set<std::string>& out) {
  for (const auto& [step, below] : fields.items()) {
    if (step == ".") continue;
    std::string here;
    if (step.starts_with("f:")) {
      if (!live.contains(step.substr(2))) continue; // the server dropped it
      here = "/" + escaped(step.substr(2));
    } else {
      const json wanted = json::parse(step.substr(2));
      const bool keys = step.starts_with("k:");
      for (size_t i = 0; i < live.size(); ++i) {
        const bool same = keys ? std::ranges::all_of(wanted.items(),
                                                     [&](const auto& key) {
                                                       return live[i].contains(key.key()) && live[i][key.key()] == key.value();
                                                     })
                               : live[i] == wanted;
        if (same) here = "/" + std::to_string(i);
      }
      INFO(step << " in " << live.dump());
      REQUIRE_FALSE(here.empty());
    }
    const json& value = live.at(json::json_pointer(here));
    const bool leaf = below.empty() || (below.size() == 1 && below.contains("."));
    if (leaf)
      leaves_of(value, pointer + here, out);
    else
      declared_leaves(below, value, pointer + here, out);
  }
}

/// Other values that a field may take; the server says which are allowed.
std::vector<json> other_values(const json& value) {
  if (value.is_boolean()) return {!value.get<bool>()};
  if (value.is_number_float()) return {value.get<double>() + 1};
  if (value.is_number()) return {value.get<int64_t>() + 1, value.get<int64_t>() - 1, 2, 443, "60%"};
  if (value.is_null() || value.is_structured()) return {}; // an empty mapping says that it is there; others may fill it
  std::vector<json> out;
  for (const char* text : {"x",
                           "changed",
                           "9",
                           "9Gi",
                           "900m",
                           "60%",
                           "UDP",
                           "TCP",
                           "SCTP",
                           "Never",
                           "Always",
                           "IfNotPresent",
                           "OnFailure",
                           "Recreate",
                           "OnDelete",
                           "Retain",
                           "Delete",
                           "Ignore",
                           "Fail",
                           "None",
                           "Some",
                           "Exact",
                           "Prefix",
                           "Allow",
                           "Replace",
                           "Forbid",
                           "Local",
                           "ClusterIP",
                           "NodePort",
                           "Namespaced",
                           "Cluster",
                           "IfHealthyBudget",
                           "Equivalent",
                           "NotIn",
                           "Exists",
                           "DoNotSchedule",
                           "NoSchedule",
                           "PreferNoSchedule",
                           "192.0.2.99",
                           "10.2.0.0/16",
                           "/changed",
                           "0 4 * * *",
                           "Etc/UTC",
                           "AAAA",
                           "UPDATE",
                           "CREATE",
                           "v2",
                           "https://127.0.0.1:1/b",
                           "limits.memory",
                           "metadata.annotations",
                           "1 == 3",
                           "Max",
                           "cpu",
                           "memory",
                           "batch",
                           "Exec",
                           "Pod",
                           "Container"})
    if (value != text) out.emplace_back(text);
  out.insert(out.begin(), value.get<std::string>() + "x");
  return out;
}

/// Objects of the corpus in a namespace of their own.
struct AwkwardSite : Site {
  explicit AwkwardSite(const std::string& name) : Site(name), group(ns + ".example.com"), files(corpus()) {
    const auto definition = read_file(checkout() / "test/golden/awkward/definitions/gadget.yaml");
    repo.write("app/definition.yaml", replaced(definition, "GROUP", group));
    remove_at_end("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets." + group);
    for (const auto& [file, text] : files) write(file, 0);
  }

  const std::string group;
  const std::map<std::string, std::string> files;

  std::string name_of(const std::string& file, size_t copy) const { return ns + "-" + file + "-" + std::to_string(copy); }
  void write(const std::string& file, size_t copy) {
    const auto text = replaced(replaced(files.at(file), "NAMESPACE", ns), "GROUP", group);
    repo.write("app/" + file + "-" + std::to_string(copy) + ".yaml", replaced(text, "NAME", name_of(file, copy)));
  }

  /// Where the copy lies in the API; known once it is applied.
  std::string path(const std::string& file, size_t copy) {
    const auto& text = files.at(file);
    const auto value = [&](const std::string& key) {
      const auto at = text.find("\n" + key + ": ");
      REQUIRE((at != std::string::npos || text.starts_with(key)));
      const auto from = text.find(key + ": ", at == std::string::npos ? 0 : at) + key.size() + 2;
      return replaced(text.substr(from, text.find('\n', from) - from), "GROUP", group);
    };
    const std::string version = value("apiVersion"), kind = value("kind");
    auto [it, fresh] = resources_.try_emplace(version + "/" + kind);
    if (fresh) {
      const json served = api.get((version == "v1" ? "/api/" : "/apis/") + version);
      for (const auto& resource : served.at("resources"))
        if (resource.at("kind") == kind && text_at(resource, "/name").find('/') == std::string::npos) it->second = resource;
    }
    const std::string ns_part = it->second.at("namespaced").get<bool>() ? ns : "";
    const auto out = path_of(version, it->second.at("name"), ns_part, name_of(file, copy));
    if (ns_part.empty()) remove_at_end(out);
    return out;
  }

private:
  std::map<std::string, json> resources_;
};

/// A policy that changes what it is given: lower case, a label, a further container.
json mutating_policy(const std::string& ns) {
  const std::string selector = "gitsync-test-" + ns;
  return {
      {"apiVersion", "admissionregistration.k8s.io/v1"},
      {"kind", "MutatingAdmissionPolicy"},
      {"metadata", {{"name", selector}}},
      {"spec",
       {{"failurePolicy", "Fail"},
        {"reinvocationPolicy", "IfNeeded"},
        {"matchConstraints",
         {{"namespaceSelector", {{"matchLabels", {{"kubernetes.io/metadata.name", ns}}}}},
          {"objectSelector", {{"matchLabels", {{"mutate", "me"}}}}},
          {"resourceRules",
           {{{"apiGroups", {""}}, {"apiVersions", {"v1"}}, {"operations", {"CREATE", "UPDATE"}}, {"resources", {"configmaps"}}},
            {{"apiGroups", {"apps"}},
             {"apiVersions", {"v1"}},
             {"operations", {"CREATE", "UPDATE"}},
             {"resources", {"deployments"}}}}}}},
        {"mutations",
         {{{"patchType", "ApplyConfiguration"},
           {"applyConfiguration", {{"expression", "Object{metadata: Object.metadata{labels: {\"mutated\": \"yes\"}}}"}}}},
          {{"patchType", "JSONPatch"},
           {"jsonPatch",
            {{"expression",
              "object.kind == 'ConfigMap' ? [JSONPatch{op: 'replace', path: '/data/level', value: "
              "object.data.level.lowerAscii()}] : "
              "(object.spec.template.spec.containers.exists(c, c.name == 'injected') ? [] : [JSONPatch{op: 'add', path: "
              "'/spec/template/spec/containers/-', value: Object.spec.template.spec.containers{name: 'injected', image: "
              "'registry.example/proxy:1'}}])"}}}}}}}}};
}

} // namespace

TEST_CASE("Awkward objects are as declared after one apply and stay untouched through three idle cycles") {
  AwkwardSite site("awkward-idle");
  // The admission policy is at work before the first apply.
  const auto policies = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies";
  const auto bindings = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings";
  const auto policy = mutating_policy(site.ns);
  const std::string name = policy["metadata"]["name"];
  site.api.create(policies, policy);
  site.remove_at_end(policies + ("/" + name));
  site.api.create(bindings, {{"apiVersion", "admissionregistration.k8s.io/v1"},
                             {"kind", "MutatingAdmissionPolicyBinding"},
                             {"metadata", {{"name", name}}},
                             {"spec", {{"policyName", name}}}});
  site.remove_at_end(bindings + ("/" + name));
  eventually("the policy changes what is created", [&] {
    const auto tried = site.api.request("POST", config_map(site.ns, "") + "?dryRun=All",
                                        {{"apiVersion", "v1"},
                                         {"kind", "ConfigMap"},
                                         {"metadata", {{"name", "probe"}, {"labels", {{"mutate", "me"}}}}},
                                         {"data", {{"level", "HIGH"}}}});
    INFO(tried.message());
    return tried.ok() && tried.body["data"]["level"] == "high";
  });
  site.repo.write("app/mutated.yaml", replaced(config_map_yaml("mutated", {{"level", "LOUD"}, {"other", "SAME"}}),
                                               "  name: mutated\n", "  name: mutated\n  labels: {mutate: me}\n") +
                                          "---\n" +
                                          replaced(deployment_yaml("mutated"), "  labels:\n    app: mutated\nspec:",
                                                   "  labels: {app: mutated, mutate: me}\nspec:\n  replicas: 0"));
  site.repo.write("app/large.yaml", config_map_yaml("large", {{"text", std::string(1'000'000, 'x')}}));
  site.repo.write("app/fence.yaml", config_map_yaml("fence", {}));
  site.begin({{"health", {{"wait", false}}}});
  CHECK(site.api.get(config_map(site.ns, "mutated"))["data"]["level"] == "loud");
  CHECK(site.api.get(deployment(site.ns, "mutated"))["spec"]["template"]["spec"]["containers"].size() == 3);
  CHECK(site.api.get(site.path("secret", 0))["data"]["both"] == "bmV3");

  const auto expect_idle = [&](const std::string& cycle) {
    INFO(cycle);
    const auto mark = site.audit.mark();
    site.start(); // shows every object once, and each is judged by what the inventory remembers
    const auto commit = site.repo.commit("nothing of it");
    site.request_poll();
    eventually("the commit was seen", [&] { return text_at(site.source(), "/status/revision").ends_with(commit); });
    site.fence(config_map(site.ns, "fence"));
    auto writes = to_managed_objects(site.audit.writes(site.op().user(), mark));
    std::erase_if(writes, [](const AuditedWrite& write) { return write.name == "fence"; });
    INFO(to_text(writes));
    CHECK(writes.empty());
    const json status = site.sync()["status"];
    CHECK(status.value("drift", 1) == 0);
    CHECK_FALSE(status.contains("differences"));
  };
  site.stop();
  expect_idle("first cycle");
  site.stop();
  expect_idle("second cycle");
  site.stop();
  expect_idle("third cycle");

  // And drift of what was mutated, and of the large one, is corrected to what the policy makes of it.
  for (const auto& [object, pointer] :
       std::map<std::string, std::string>{{"mutated", "/data/level"}, {"large", "/data/text"}}) {
    const auto before = essence(site.api.get(config_map(site.ns, object)));
    site.api.patch(config_map(site.ns, object), {{{"op", "replace"}, {"path", pointer}, {"value", "changed"}}});
    eventually(object + " is as it was", [&] { return essence(site.api.get(config_map(site.ns, object))) == before; });
  }
}

TEST_CASE("Every declared leaf of awkward objects that another client may change is restored exactly") {
  AwkwardSite site("awkward-leaf");
  site.repo.write("app/fence.yaml", config_map_yaml("fence", {}));
  site.begin({{"health", {{"wait", false}}}});
  // What the server lets another client do to each, tried without writing.
  std::map<std::string, std::vector<Change>> allowed;
  size_t leaves = 0, changes = 0, refused = 0;
  for (const auto& [file, text] : site.files) {
    const auto path = site.path(file, 0);
    const json live = site.api.get(path);
    const json entry = managed_by(live, site.manager());
    INFO(file);
    REQUIRE_FALSE(entry.is_null());
    std::set<std::string> pointers;
    declared_leaves(entry["fieldsV1"], live, "", pointers);
    leaves += pointers.size();
    const auto lets = [&](const json& operation) {
      const auto reply = site.api.request("PATCH", path + "?dryRun=All&fieldManager=intruder", json::array({operation}),
                                          "application/json-patch+json");
      return reply.ok() && essence(reply.body) != essence(live);
    };
    for (const auto& pointer : pointers) {
      bool any = false;
      for (const auto& value : other_values(live.at(json::json_pointer(pointer)))) {
        const json operation = {{"op", "replace"}, {"path", pointer}, {"value", value}};
        if (!lets(operation)) continue;
        allowed[file].push_back({pointer, operation});
        any = true;
        break;
      }
      if (const json operation = {{"op", "remove"}, {"path", pointer}}; lets(operation)) {
        allowed[file].push_back({pointer, operation});
        any = true;
      }
      if (!any) ++refused;
    }
    changes += allowed[file].size();
  }
  // Copies enough that no object is changed so often that it looks like a fight.
  struct Copy {
    std::string path;
    std::vector<Change> changes;
    json before, fields;
  };
  std::vector<Copy> copies;
  for (const auto& [file, list] : allowed)
    for (size_t i = 0; i < list.size(); i += changes_per_copy) {
      const size_t number = i / changes_per_copy;
      if (number > 0) site.write(file, number);
      copies.push_back(
          {site.path(file, number),
           {list.begin() + static_cast<long>(i), list.begin() + static_cast<long>(std::min(list.size(), i + changes_per_copy))},
           {},
           {}});
    }
  site.push();
  for (auto& copy : copies) {
    const json live = site.api.get(copy.path);
    copy.before = essence(live);
    copy.fields = managed_by(live, site.manager())["fieldsV1"];
  }
  size_t made = 0;
  for (size_t round = 0; round < changes_per_copy; ++round) {
    for (auto& copy : copies) {
      if (round >= copy.changes.size()) continue;
      INFO(copy.path << ": " << copy.changes[round].operation.dump());
      const auto reply = site.api.request("PATCH", copy.path + "?fieldManager=intruder",
                                          json::array({copy.changes[round].operation}), "application/json-patch+json");
      INFO(reply.message());
      CHECK(reply.ok());
      CHECK(essence(reply.body) != copy.before);
      ++made;
    }
    for (const auto& copy : copies) {
      if (round >= copy.changes.size()) continue;
      eventually(copy.path + " is as it was after " + copy.changes[round].operation.dump(), [&]() -> std::string {
        const auto live = site.api.find(copy.path);
        if (!live) return "it is not there";
        if (essence(*live) != copy.before) return json::diff(copy.before, essence(*live)).dump();
        return managed_by(*live, site.manager()).value("fieldsV1", json()) == copy.fields ? "" : "our fields are others now";
      });
    }
  }
  WARN(site.files.size() << " kinds of object, " << leaves << " declared leaves: the server lets another client change "
                         << leaves - refused << " of them, in " << changes << " ways; all " << made << " were restored");
  CHECK(made == changes);
  CHECK(leaves - refused > 200);
  CHECK(changes > 300);
  // And then there is peace.
  site.fence(config_map(site.ns, "fence"));
  const auto mark = site.audit.mark();
  site.fence(config_map(site.ns, "fence"));
  auto writes = to_managed_objects(site.audit.writes(site.op().user(), mark));
  std::erase_if(writes, [](const AuditedWrite& write) { return write.name == "fence"; });
  INFO(to_text(writes));
  CHECK(writes.empty());
}
