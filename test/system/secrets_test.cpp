// Secrets are managed like anything else, and their values are seen nowhere.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

std::string secret_yaml(const std::string& name, const std::string& field, const std::string& value,
                        const std::string& more = {}) {
  return "apiVersion: v1\nkind: Secret\nmetadata:\n  name: " + name + "\n" + more + field + ":\n  password: \"" + value +
         "\"\n";
}

/// Neither the value nor its base64 form stands in anything that the operator has said or written but the Secrets themselves.
void expect_unseen(Site& site, const std::string& canary) {
  const std::map<std::string, std::string> places{
      {"the log", site.log()},
      {"/metrics", site.op().get("/metrics").body},
      {"/readyz", site.op().get("/readyz").body},
      {"Events", site.api.text("/apis/events.k8s.io/v1/events")},
      {"GitSyncs", site.api.text(git_sync(""))},
      {"GitRepositories", site.api.text(git_repository(""))},
      {"ConfigMaps", site.api.text(path_of("v1", "configmaps", site.ns))},
      {"Leases", site.api.text(path_of("coordination.k8s.io/v1", "leases", site.ns))},
  };
  for (const auto& [place, text] : places) {
    INFO(place);
    CHECK(text.find(canary) == std::string::npos);
    CHECK(text.find(base64_encode(canary)) == std::string::npos);
  }
}

} // namespace

TEST_CASE("A Secret with stringData is applied, corrected, changed, and never shown") {
  Site site("secret");
  const std::string first = "canary-3c9f-first", second = "canary-b6d1-second", foreign = "canary-77aa-intruder";
  site.repo.write("app/secret.yaml", secret_yaml("credentials", "stringData", first));
  site.repo.write("app/fence.yaml", config_map_yaml("fence", {}));
  site.begin();
  const auto password = [&] { return base64_decode(text_at(site.api.get(secret(site.ns, "credentials")), "/data/password")); };
  CHECK(password() == first);
  CHECK_FALSE(site.api.get(secret(site.ns, "credentials")).contains("stringData"));

  const auto mark = site.audit.mark();
  site.api.merge(secret(site.ns, "credentials"), {{"stringData", {{"password", foreign}}}}, "mallory");
  eventually("the value is back", [&] { return password() == first; });
  site.await_event("app", "DriftCorrected", "credentials");
  site.fence(config_map(site.ns, "fence"));
  auto writes = to_managed_objects(site.audit.writes(site.op().user(), mark));
  std::erase_if(writes, [](const AuditedWrite& write) { return write.name == "fence"; });
  CHECK(writes.size() == 1);

  site.repo.write("app/secret.yaml", secret_yaml("credentials", "stringData", second));
  site.push();
  CHECK(password() == second);
  site.stop();
  site.start();
  site.api.remove(secret(site.ns, "credentials"));
  site.await_exists(secret(site.ns, "credentials"));
  CHECK(password() == second);
  for (const auto& canary : {first, second, foreign}) expect_unseen(site, canary);
}

TEST_CASE("A Secret that cannot be applied is named, without its values") {
  Site site("secret-refused");
  const std::string canary = "canary-e41b-refused";
  site.repo.write("app/keep.yaml", config_map_yaml("keep", {}));
  site.repo.write("app/frozen.yaml", secret_yaml("frozen", "stringData", canary + "-frozen", "immutable: true\n"));
  site.begin();
  const auto [file, text] = GENERATE_COPY(table<std::string, std::string>({
      {"a label that is none", secret_yaml("bad", "stringData", canary, "  labels: {wrong: \"" + canary + "!\"}\n")},
      {"data that is not base64", secret_yaml("bad", "data", canary + "!")},
      {"data that is no text",
       "apiVersion: v1\nkind: Secret\nmetadata:\n  name: bad\ndata:\n  password: {deeper: \"" + canary + "\"}\n"},
      {"data that is no mapping", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: bad\nstringData: \"" + canary + "\"\n"},
      {"a TLS Secret without key", secret_yaml("bad", "stringData", canary, "type: kubernetes.io/tls\n")},
      {"a pull Secret that is none",
       "apiVersion: v1\nkind: Secret\nmetadata:\n  name: bad\ntype: kubernetes.io/dockerconfigjson\nstringData:\n"
       "  .dockerconfigjson: \"" +
           canary + "\"\n"},
      {"an unknown field", secret_yaml("bad", "stringData", canary, "unknownField: \"" + canary + "\"\n")},
      {"broken YAML", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: bad\nstringData:\n  password: \"" + canary +
                          "\"\n  broken: [" + canary + "\n"},
      {"a duplicate key", secret_yaml("bad", "stringData", canary) + "  password: \"" + canary + "\"\n"},
      {"an immutable Secret's change", secret_yaml("frozen", "stringData", canary + "-changed", "immutable: true\n")},
  }));
  INFO(file);
  site.repo.write(text.find("name: frozen") != std::string::npos ? "app/frozen.yaml" : "app/bad.yaml", text);
  const std::string commit = site.repo.commit();
  site.request_poll();
  eventually("the commit was attempted", [&] {
    const json sync = site.sync();
    return text_at(sync, "/status/lastAttemptedRevision").ends_with(commit) &&
           condition_reason(sync, "Reconciling") != "Progressing" &&
           (condition_status(sync, "Ready") == "False" || text_at(sync, "/status/lastAppliedRevision").ends_with(commit));
  });
  const json sync = site.sync();
  if (file != "an unknown field")
    CHECK(condition_status(sync, "Ready") == "False"); // server-side apply may drop or refuse that one
  if (condition_status(sync, "Ready") == "False") {
    CHECK(ready_message(sync).size() > 20);
    site.await_failure_event("app");
  }
  site.fence(config_map(site.ns, "keep"));
  expect_unseen(site, canary);
}
