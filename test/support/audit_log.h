// What the API server's own audit log says somebody wrote: the witness against whom the operator's metrics are checked.
#pragma once
#include "support/api.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace gitsync::test {

/// One finished write.
struct AuditedWrite {
  std::string verb; // create, update, patch, delete, deletecollection
  std::string resource, subresource, ns, name;
  std::string uri;
  int code = 0;
  bool dry_run = false;
  std::string as{};                  // the user that was impersonated, "" for none
  std::vector<std::string> groups{}; // and its groups

  /// "patch deployments/status shop/api"
  std::string text() const;
};
using AuditedWrites = std::vector<AuditedWrite>;

/// Main thread only.
class AuditLog {
public:
  AuditLog(std::filesystem::path file, Api& api) : file_(std::move(file)), api_(api) {}

  /// A place in the log after everything that has been answered until now.
  uint64_t mark();
  /// The writes of that user from that place on, until now. Refused ones too.
  AuditedWrites writes(const std::string& user, uint64_t since);
  /// All requests of that user, whatever they are, as "verb resource/subresource ns/name".
  std::vector<std::string> requests(const std::string& user, uint64_t since);

private:
  void each(const std::string& user, uint64_t since, const std::function<void(const json&)>& sink) const;

  std::filesystem::path file_;
  Api& api_;
  unsigned marks_ = 0;
};

/// Writes to objects that git declares, that is without the operator's own book-keeping: Leases, Events, status and finalizers
/// of our kinds, inventory Secrets.
AuditedWrites to_managed_objects(AuditedWrites writes);
/// Writes to anything but Leases.
AuditedWrites but_leases(AuditedWrites writes);
/// One a line, for messages.
std::string to_text(const AuditedWrites& writes);

} // namespace gitsync::test
