// docs/api.md is generated from the CRDs; scripts/api_docs.sh writes it, this test refuses it when it is out of date.
#include "api/condition.h"
#include "base/text.h"
#include "crd_files.h"

#include <algorithm>
#include <cstdlib>

using namespace gitsync;
using namespace gitsync::api;
using nlohmann::json;

namespace {

/// What a table's cell may hold: no line breaks, no column marks, and "<name>" is no HTML.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '*' || c == '<' || c == '_') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string type_text(const json& field) {
  if (field.contains("enum")) {
    std::vector<std::string> choices;
    for (const auto& choice : field["enum"]) choices.push_back(cat('`', choice.get<std::string>(), '`'));
    return join(choices, ", ");
  }
  const auto type = field.at("type").get<std::string>();
  return type == "array" ? cat("list of ", type_text(field.at("items"))) : type;
}

void rows(const json& schema, const std::string& path, std::string& out) {
  const auto required = schema.value("required", json::array());
  for (const auto& [name, field] : schema.at("properties").items()) {
    const auto here = path.empty() ? name : cat(path, '.', name);
    std::string text = cell(field.value("description", ""));
    for (const auto& rule : field.value("x-kubernetes-validations", json::array()))
      text += cat(" *", cell(rule.at("message").get<std::string>()), ".*");
    const auto fallback =
        field.contains("default")
            ? cat('`', field["default"].is_string() ? field["default"].get<std::string>() : field["default"].dump(), '`')
        : std::find(required.begin(), required.end(), name) != required.end() ? std::string("required")
                                                                              : std::string();
    out += cat("| `", here, "` | ", type_text(field), " | ", fallback == "`{}`" ? "" : fallback, " | ", text, " |\n");
    if (field.contains("properties"))
      rows(field, here, out);
    else if (field.contains("items") && field["items"].contains("properties"))
      rows(field["items"], here + "[]", out);
  }
}

std::string table(const json& schema) {
  std::string out = "| Field | Type | Default | Meaning |\n|---|---|---|---|\n";
  rows(schema, "", out);
  return out;
}

std::string kind_text(const json& crd) {
  const auto& spec = crd.at("spec");
  const auto schema = schema_of(crd);
  std::string out =
      cat("## ", spec.at("names").at("kind").get<std::string>(), "\n\n", cell(schema.at("description").get<std::string>()),
          "\n\nShort name: `", spec.at("names").at("shortNames").at(0).get<std::string>(), "`. Columns of `kubectl get ",
          spec.at("names").at("singular").get<std::string>(), "`:\n\n| Column | Meaning |\n|---|---|\n");
  for (const auto& column : spec.at("versions").at(0).at("additionalPrinterColumns"))
    out += cat("| ", column.at("name").get<std::string>(), column.value("priority", 0) > 0 ? " (`-o wide`)" : "", " | ",
               cell(column.value("description", "How long ago it was created.")), " |\n");
  return out + cat("\n### spec\n\n", table(schema.at("properties").at("spec")), "\n### status\n\n",
                   table(schema.at("properties").at("status")));
}

std::string document() {
  std::string out =
      "<!-- Generated from crds/ by scripts/api_docs.sh; change the descriptions there. -->\n"
      "# API reference\n\n"
      "Group `gitops.volaticloud.com`, version `v1alpha1`. `kubectl explain gitsync.spec` shows the same. Durations are\n"
      "written as Go writes them (`15s`, `5m`, `1h30m`). An object whose spec cannot be used is `Stalled`; the others of\n"
      "its kind go on.\n\n";
  for (const auto* plural : {"gitrepositories", "gitsyncs", "approvals", "pauses"}) out += kind_text(load_crd(plural)) + "\n";
  return out + R"(## Conditions

`Ready` is always there once the operator has looked at an object. `Reconciling` and `Stalled` exist only while they are true, and never both.

| Ready | Reconciling | Stalled | What it means |
|---|---|---|---|
| True | | | All is as the spec wants it. |
| True | True | | A newer revision is being applied; the last good one is enforced. |
| Unknown | True | | The first attempt is under way, or a revision is applied and not healthy yet. |
| False | True | | The last attempt failed; it will be tried again by itself. |
| False | | True | The last attempt failed, and nothing happens until the spec or the commit is changed. |
| False | | | Nothing is wrong with it and nothing will happen by itself: suspended, or drift that is only reported. |

| Reason | Of | Meaning |
|---|---|---|
| `Fetched` | GitRepository | The newest revision of the ref is in the mirror. |
| `FetchFailed` | GitRepository | The remote cannot be reached or refuses, or has no such ref. The last revision stays in use. |
| `Verified` | GitRepository | The revision bears the signatures that spec.verify asks for. |
| `NotVerified` | GitRepository | It doesn't, or the keys cannot be used. The last verified revision stays in use. |
| `HistoryRewound` | GitSync | The commit doesn't descend from the enforced one: the plan waits for an Approval. |
| `Applied` | GitSync | The revision is applied and enforced. |
| `HealthCheckFailed` | GitSync | The revision is applied, and an object has failed or was not healthy within `spec.health.timeout`; the message says which and why. It becomes ready by itself when the object does. |
| `RolledBack` | GitSync | The attempted revision was not healthy in time; the last healthy one is enforced. See [rollback.md](rollback.md). |
| `DependencyNotReady` | GitSync | A revision waits for what `spec.dependsOn` names; the message says for which. What was applied before stays enforced. |
| `SourceNotFound` | GitSync | `spec.sourceRef` names nothing. |
| `SourceNotReady` | GitSync | The source has no revision yet. |
| `WaitingForImage` | GitSync | A registry does not have an image of `spec.images` yet. What was applied before stays enforced. See [images.md](images.md). |
| `ImageNotFound` | GitSync | Nor did it within the image's timeout. It is looked for on and on. |
| `RegistryFailed` | GitSync | The registry refuses the credentials, or `spec.images[].secretRef` cannot be used. |
| `RevisionRefused` | GitSync | Something in the commit is wrong; `status.errors` tells all of it. Nothing of the commit was applied. |
| `PruneBlocked` | GitSync | The commit would delete too much, and waits for an Approval of `status.planDigest`. Nothing of it was applied. See [prune.md](prune.md). |
| `ApprovalRequired` | GitSync | A plan waits for an Approval of `status.planDigest`. What was applied before stays enforced. See [approval.md](approval.md). |
| `WindowClosed` | GitSync | A plan waits for the sync window that the message names. What was applied before stays enforced. See [approval.md](approval.md). |
| `ApplyFailed` | GitSync | The API server refused an object or cannot be reached. |
| `DriftDetected` | GitSync | `spec.drift.mode` is `Report`, and objects differ from git. |
| `InventoryCorrupt` | GitSync | What was stored about the managed objects cannot be read; nothing is pruned. |
| `Deleting` | GitSync | `spec.deletionPolicy` is being carried out. |
| `InvalidSpec` | both | The spec cannot be used; the message tells all that is wrong with it. |
| `Suspended` | both | `spec.suspend` is true. |
| `Progressing` | both | The first attempt is under way. |
| `ProgressingWithRetry` | both | Of `Reconciling`: the last attempt failed and will be repeated. |
| `InternalError` | both | A defect of the operator; please report it with the log. |

## Labels and annotations

| Key | On | Meaning |
|---|---|---|
| `gitops.volaticloud.com/sync` | managed objects | Which GitSync owns it: a hash of namespace/name. |
| `gitops.volaticloud.com/sync-name` | managed objects | The same for people: `namespace/name`. |
| `gitops.volaticloud.com/wave` | manifests | Whole number, 0 where missing: a later wave is applied when all of the earlier ones is healthy. |
| `config.kubernetes.io/depends-on` | manifests | Objects of the same GitSync that have to be healthy first, as `group/namespaces/namespace/kind/name` or `group/kind/name`, separated by commas. |
| `gitops.volaticloud.com/inventory-of` | Secrets | Holds a GitSync's inventory; not to be edited. |
| `gitops.volaticloud.com/finalizer` | GitSyncs | Finalizer: the GitSync stays until its deletionPolicy is carried out. |
| `reconcile.gitops.volaticloud.com/requestedAt` | GitRepositories, GitSyncs | A new value asks for a reconciliation at once; `gitsync reconcile` sets it. |
)";
}

} // namespace

TEST_CASE("docs/api.md says what the CRDs say", "[api][crd][api-docs]") {
  const auto expected = document();
  if (std::getenv("GITSYNC_WRITE_DOCS")) {
    std::ofstream out(source_root() / "docs/api.md", std::ios::binary);
    out << expected;
    REQUIRE(out.good());
  }
  INFO("docs/api.md is out of date: run scripts/api_docs.sh");
  CHECK((read_source_file("docs/api.md") == expected));
  for (const auto reason :
       {reason::applied,          reason::fetched,           reason::progressing,       reason::retrying,
        reason::invalid_spec,     reason::source_not_found,  reason::source_not_ready,  reason::fetch_failed,
        reason::revision_refused, reason::prune_blocked,     reason::approval_required, reason::window_closed,
        reason::apply_failed,     reason::health_failed,     reason::rolled_back,       reason::dependency_not_ready,
        reason::drift_detected,   reason::suspended,         reason::deleting,          reason::inventory_corrupt,
        reason::internal_error,   reason::waiting_for_image, reason::image_not_found,   reason::registry_failed}) {
    INFO(reason);
    CHECK(expected.find(cat("| `", reason, "` |")) != std::string::npos);
  }
}
