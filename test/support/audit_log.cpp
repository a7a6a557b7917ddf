#include "support/audit_log.h"

#include "support/eventually.h"

#include <algorithm>
#include <array>
#include <fstream>

namespace gitsync::test {
namespace {

constexpr std::array<std::string_view, 5> write_verbs{"create", "update", "patch", "delete", "deletecollection"};

} // namespace

std::string AuditedWrite::text() const {
  return verb + " " + resource + (subresource.empty() ? "" : "/" + subresource) + " " + ns + "/" + name + " → " +
         std::to_string(code) + (dry_run ? " (dry run)" : "") + (as.empty() ? "" : " as " + as);
}

uint64_t AuditLog::mark() {
  // The server writes its lines one after the other: when the one about this request stands there, so do those about earlier
  // ones.
  const uint64_t before = std::filesystem::file_size(file_);
  const std::string name = "audit-mark-" + std::to_string(++marks_);
  api_.find("/api/v1/namespaces/" + name);
  const std::string needle = "/api/v1/namespaces/" + name + "\"";
  uint64_t end = 0;
  eventually("the audit log shows " + name, [&] {
    std::ifstream in(file_, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(before));
    std::string text(std::istreambuf_iterator<char>(in), {});
    const size_t at = text.find(needle);
    const size_t line_end = at == std::string::npos ? at : text.find('\n', at);
    if (line_end == std::string::npos) return false;
    end = before + line_end + 1;
    return true;
  });
  return end;
}

void AuditLog::each(const std::string& user, uint64_t since, const std::function<void(const json&)>& sink) const {
  std::ifstream in(file_, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(since));
  const std::string needle = "\"" + user + "\"";
  for (std::string line; std::getline(in, line);) {
    if (line.find(needle) == std::string::npos) continue;
    const json event = json::parse(line, nullptr, false);
    if (event.is_discarded() || event["user"].value("username", "") != user) continue;
    sink(event);
  }
}

AuditedWrites AuditLog::writes(const std::string& user, uint64_t since) {
  mark();
  AuditedWrites out;
  each(user, since, [&](const json& event) {
    const std::string verb = event.value("verb", "");
    if (event.value("stage", "") != "ResponseComplete" || std::ranges::find(write_verbs, verb) == write_verbs.end()) return;
    const json ref = event.value("objectRef", json::object());
    const std::string uri = event.value("requestURI", "");
    const json as = event.value("impersonatedUser", json::object());
    out.push_back({.verb = verb,
                   .resource = ref.value("resource", ""),
                   .subresource = ref.value("subresource", ""),
                   .ns = ref.value("namespace", ""),
                   .name = ref.value("name", ""),
                   .uri = uri,
                   .code = event.contains("responseStatus") ? event["responseStatus"].value("code", 0) : 0,
                   .dry_run = uri.find("dryRun=") != std::string::npos,
                   .as = as.value("username", ""),
                   .groups = as.value("groups", std::vector<std::string>())});
  });
  return out;
}

std::vector<std::string> AuditLog::requests(const std::string& user, uint64_t since) {
  mark();
  std::vector<std::string> out;
  each(user, since, [&](const json& event) {
    const json ref = event.value("objectRef", json::object());
    out.push_back(event.value("verb", "") + " " + event.value("requestURI", "") + " " + event.value("stage", ""));
  });
  return out;
}

AuditedWrites to_managed_objects(AuditedWrites writes) {
  std::erase_if(writes, [](const AuditedWrite& write) {
    return write.resource == "leases" || write.resource == "events" || write.resource == "gitsyncs" ||
           write.resource == "gitrepositories" || (write.resource == "secrets" && write.name.starts_with("gitsync-"));
  });
  return writes;
}

AuditedWrites but_leases(AuditedWrites writes) {
  std::erase_if(writes, [](const AuditedWrite& write) { return write.resource == "leases"; });
  return writes;
}

std::string to_text(const AuditedWrites& writes) {
  std::string out;
  for (const auto& write : writes) out += write.text() + "\n";
  return out;
}

} // namespace gitsync::test
