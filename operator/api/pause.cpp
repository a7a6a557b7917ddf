#include "api/pause.h"

#include "api/names.h"
#include "base/json_read.h"
#include "base/text.h"

namespace gitsync::api {
namespace {

using namespace std::chrono_literals;

struct PauseSpec {
  std::string sync, reason;
  ObjectRef object;
  std::chrono::milliseconds length{};
};

PauseSpec read_spec(SpecReader& reader) {
  PauseSpec out;
  out.sync = reader.required_text("syncRef.name");
  reader.check(out.sync.empty() || is_dns_subdomain(out.sync), "syncRef.name",
               "must be an object's name (lower-case letters, digits, \"-\" and \".\")");
  out.object.group = reader.text("object.group");
  out.object.kind = reader.required_text("object.kind");
  out.object.ns = reader.text("object.namespace");
  out.object.name = reader.required_text("object.name");
  const auto length = reader.required_text("for");
  const auto parsed = parse_duration(length);
  reader.check(length.empty() || (parsed && *parsed >= 1s && *parsed <= 24h), "for",
               "must be a duration between 1s and 24h, such as 30m");
  if (parsed) out.length = *parsed;
  out.reason = reader.required_text("reason");
  return out;
}

} // namespace

Result<Pause> parse_pause(const nlohmann::json& object) {
  const auto meta = parse_meta(object);
  SpecReader reader(object, cat(pause_kind, ' ', meta.key()));
  auto spec = read_spec(reader);
  if (!reader.ok()) return reader.error();
  const auto made = parse_rfc3339(read_text(read_member(object, "metadata"), "creationTimestamp"));
  Pause out{meta,
            std::move(spec.sync),
            std::move(spec.object),
            made.value_or(WallTime{}) + spec.length,
            std::move(spec.reason),
            read_text(read_member(object, "status"), "state")};
  return out;
}

std::vector<FieldRead> pause_fields() {
  const auto empty = nlohmann::json::object();
  SpecReader reader(empty, {});
  read_spec(reader);
  return reader.fields();
}

} // namespace gitsync::api
