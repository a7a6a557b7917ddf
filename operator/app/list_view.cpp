#include "app/list_view.h"

#include "api/meta.h"
#include "api/names.h"
#include "api/status.h"
#include "app/current.h"
#include "app/table.h"
#include "base/json_read.h"
#include "base/text.h"
#include "object/decode.h"

#include <map>

namespace gitsync::app {
namespace {

using nlohmann::json;
using Cells = std::vector<std::string>;

/// Status and message of the Ready condition, "" where there is none.
std::pair<std::string, std::string> ready_of(const api::Conditions& conditions) {
  const auto* ready = api::find_condition(conditions, api::ready_condition);
  if (!ready) return {};
  return {std::string(api::truth_text(ready->status)), ready->message};
}

std::string flag_text(const json& value) { return value == true ? "true" : "false"; }

void append(Cells& cells, std::initializer_list<std::string> more) { cells.insert(cells.end(), more); }

} // namespace

std::string sync_table(const Listed& listed, bool namespaces, bool wide, WallTime now) {
  std::map<std::string, const json*> sources;
  for (const auto& source : listed.sources) sources[api::parse_meta(source).key()] = &source;

  Cells heading;
  if (namespaces) heading.push_back("NAMESPACE");
  append(heading, {"NAME", "READY", "CURRENT", "REVISION", "OBJECTS", "HEALTH", "DRIFT", "AGE"});
  if (wide) append(heading, {"SOURCE", "SOURCE REVISION", "PATH", "APPLIED", "SUSPENDED", "LAST CORRECTION", "WHY CURRENT"});
  heading.push_back("MESSAGE");
  Table table(std::move(heading));
  for (const auto& sync : listed.syncs) {
    const auto meta = api::parse_meta(sync);
    const auto status = api::parse_git_sync_status(sync);
    const auto& spec = read_member(sync, "spec");
    const auto [source_ns, source_name] = source_of(sync);
    const auto found = sources.find(api::owner_name(source_ns, source_name));
    static const json none;
    const json& source = found == sources.end() ? none : *found->second;
    const auto current = current_as_of(sync, source);
    const auto [ready, message] = ready_of(status.conditions);
    const bool seen = read_member(sync, "status").contains("objects");

    Cells cells;
    if (namespaces) cells.push_back(meta.ns);
    append(cells,
           {meta.name, ready, std::string(current_text(current.state)), api::short_revision(status.last_attempted_revision),
            seen ? cat(status.objects) : "", seen ? status.health : "", seen ? cat(status.drift) : "",
            age(read_text(read_member(sync, "metadata"), "creationTimestamp"), now)});
    if (wide)
      append(cells,
             {source_name, api::short_revision(read_text(read_member(source, "status"), "revision")), read_text(spec, "path"),
              api::short_revision(status.last_applied_revision), flag_text(read_member(spec, "suspend")),
              status.last_correction ? age(rfc3339(status.last_correction->time), now) : "", current.why});
    cells.push_back(message);
    table.add(std::move(cells));
  }
  return table.text();
}

std::string source_table(const Listed& listed, bool namespaces, bool wide, WallTime now) {
  Cells heading;
  if (namespaces) heading.push_back("NAMESPACE");
  append(heading, {"NAME", "READY", "REVISION", "URL", "AGE"});
  if (wide) append(heading, {"INTERVAL", "SUSPENDED", "LAST FETCH"});
  heading.push_back("MESSAGE");
  Table table(std::move(heading));
  for (const auto& source : listed.sources) {
    const auto meta = api::parse_meta(source);
    const auto status = api::parse_git_repository_status(source);
    const auto& spec = read_member(source, "spec");
    const auto [ready, message] = ready_of(status.conditions);
    Cells cells;
    if (namespaces) cells.push_back(meta.ns);
    append(cells, {meta.name, ready, api::short_revision(status.revision), read_text(spec, "url"),
                   age(read_text(read_member(source, "metadata"), "creationTimestamp"), now)});
    if (wide)
      append(cells, {read_text(spec, "interval"), flag_text(read_member(spec, "suspend")),
                     status.last_fetch ? age(rfc3339(status.last_fetch->time), now) : ""});
    cells.push_back(message);
    table.add(std::move(cells));
  }
  return table.text();
}

std::string objects_text(std::vector<json> objects, bool single, Output output) {
  if (output == Output::Name) {
    std::string out;
    for (const auto& object : objects) {
      const auto kind = parse_kind(read_text(object, "kind")).value_or(Kind::GitSync);
      out +=
          cat(kind == Kind::GitSync ? "gitsync." : "gitrepository.", api::api_group, '/', api::parse_meta(object).name, '\n');
    }
    return out;
  }
  for (auto& object : objects)
    if (const auto metadata = object.find("metadata"); metadata != object.end() && metadata->is_object())
      metadata->erase("managedFields");
  const json value = single && objects.size() == 1
                         ? std::move(objects.front())
                         : json{{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(objects)}};
  return output == Output::Json ? value.dump(2, ' ', false, json::error_handler_t::replace) + '\n' : json_to_yaml(value);
}

} // namespace gitsync::app
