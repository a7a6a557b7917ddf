#include "git/protocol.h"

#include "base/hash.h"
#include "base/json_read.h"
#include "base/text.h"

#include <nlohmann/json.hpp>

namespace gitsync::git {
namespace {

using nlohmann::json;

template <class... F> struct Overload : F... {
  using F::operator()...;
};

/// Hostile bytes are looked at where they are read; should one slip through, it becomes U+FFFD here and never an exception.
std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::unexpected<Error> garbled(std::string_view why) {
  return fail(Code::WorkerDied, cat("git worker: a message cannot be understood: ", why));
}

json to_json(const Error& error) {
  return {{"code", static_cast<int>(error.code)},
          {"message", error.message},
          {"retry", static_cast<int>(error.retry)},
          {"after", error.after.count()}};
}

Error error_from(const json& value) {
  const int64_t code = read_integer(value, "code"), retry = read_integer(value, "retry");
  Error error{.code = Code::Internal, .message = value.at("message").get<std::string>()};
  if (code >= 0 && code <= static_cast<int>(Code::InventoryCorrupt)) error.code = static_cast<Code>(code);
  if (retry >= 0 && retry <= static_cast<int>(Retry::After)) error.retry = static_cast<Retry>(retry);
  error.after = std::chrono::milliseconds(std::max<int64_t>(read_integer(value, "after"), 0));
  return error;
}

json to_json(const RefSpec& ref) { return {ref.branch, ref.tag, ref.commit, ref.name}; }

RefSpec ref_from(const json& value) {
  return {value.at(0).get<std::string>(), value.at(1).get<std::string>(), value.at(2).get<std::string>(),
          value.at(3).get<std::string>()};
}

json to_json(const Credentials& c) {
  return {c.username, c.password, c.bearer_token, c.ca_crt,         c.identity,      c.known_hosts,
          c.tls_crt,  c.tls_key,  c.proxy,        c.proxy_username, c.proxy_password};
}

Credentials credentials_from(const json& value) {
  const auto at = [&](size_t i) { return value.at(i).get<std::string>(); };
  return {at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9), at(10)};
}

json to_json(FileChange change) {
  json out = {{"file", change.file}};
  if (change.removed) {
    out["removed"] = true;
    return out;
  }
  json& list = out["manifests"] = json::array();
  for (auto& m : change.manifests)
    list.push_back(json::array({m.ref.group, m.ref.kind, m.ref.ns, m.ref.name, m.version, m.at.line, std::move(m.body)}));
  return out;
}

FileChange change_from(json& value) {
  FileChange change{.file = value.at("file").get<std::string>()};
  if (value.contains("removed")) {
    change.removed = true;
    return change;
  }
  for (auto& item : value.at("manifests")) {
    const auto at = [&](size_t i) { return item.at(i).get<std::string>(); };
    Manifest manifest{.ref = {at(0), at(1), at(2), at(3)},
                      .version = at(4),
                      .at = {change.file, item.at(5).is_number_integer() ? item.at(5).get<int>() : 0}};
    manifest.body = std::move(item.at(6));
    change.manifests.push_back(std::move(manifest));
  }
  return change;
}

} // namespace

std::string encode(const Job& job) {
  return text_of(
      std::visit(Overload{[](const StartJob& j) -> json {
                            return {{"job", "start"}, {"memory", j.memory}, {"file_size", j.file_size}, {"home", j.home}};
                          },
                          [](const FetchJob& j) -> json {
                            return {{"job", "fetch"},
                                    {"mirror", j.mirror},
                                    {"url", j.url},
                                    {"ref", to_json(j.ref)},
                                    {"credentials", to_json(j.credentials)},
                                    {"max_repository", j.max_repository},
                                    {"whole_history", j.whole_history}};
                          },
                          [](const ReadJob& j) -> json {
                            return {{"job", "read"},  {"mirror", j.mirror}, {"url", j.url},
                                    {"path", j.path}, {"commit", j.commit}, {"base_tree", j.base_tree}};
                          },
                          [](const TreesJob& j) -> json {
                            return {{"job", "trees"},     {"mirror", j.mirror}, {"url", j.url},
                                    {"commit", j.commit}, {"paths", j.paths},   {"globs", j.globs}};
                          },
                          [](const HistoryJob& j) -> json {
                            return {{"job", "history"},
                                    {"mirror", j.mirror},
                                    {"url", j.url},
                                    {"commit", j.commit},
                                    {"paths", j.paths},
                                    {"known_commit", j.known_commit},
                                    {"known_change", j.known_change}};
                          },
                          [](const ProofJob& j) -> json {
                            return {{"job", "proof"}, {"mirror", j.mirror}, {"url", j.url},  {"commit", j.commit},
                                    {"tag", j.tag},   {"since", j.since},   {"base", j.base}};
                          }},
                 job));
}

Result<Job> decode_job(std::string_view message) {
  try {
    const json value = json::parse(message);
    const auto text = [&](const char* name) { return value.at(name).get<std::string>(); };
    const auto kind = text("job");
    if (kind == "start")
      return StartJob{value.at("memory").get<uint64_t>(), value.at("file_size").get<uint64_t>(), text("home")};
    if (kind == "fetch")
      return FetchJob{text("mirror"),
                      text("url"),
                      ref_from(value.at("ref")),
                      credentials_from(value.at("credentials")),
                      value.at("max_repository").get<uint64_t>(),
                      value.at("whole_history").get<bool>()};
    if (kind == "read") return ReadJob{text("mirror"), text("url"), text("commit"), text("path"), text("base_tree")};
    if (kind == "trees")
      return TreesJob{text("mirror"), text("url"), text("commit"), value.at("paths").get<std::vector<std::string>>(),
                      value.at("globs").get<std::vector<Globs>>()};
    if (kind == "history")
      return HistoryJob{text("mirror"),       text("url"),
                        text("commit"),       value.at("paths").get<std::vector<std::string>>(),
                        text("known_commit"), text("known_change")};
    if (kind == "proof")
      return ProofJob{text("mirror"), text("url"), text("commit"), text("tag"), value.at("since").get<bool>(), text("base")};
    return garbled(cat("no such job: ", shorten(kind, 40)));
  } catch (const json::exception& error) { return garbled(error.what()); }
}

std::string encode(Answer answer) {
  return text_of(
      std::visit(Overload{[](const Error& e) -> json { return {{"error", to_json(e)}}; },
                          [](const Fetched& f) -> json {
                            return {{"commit", f.commit},
                                    {"ref", f.ref},
                                    {"revision", f.revision},
                                    {"milliseconds", f.milliseconds},
                                    {"tag", f.tag}};
                          },
                          [](FileChange& c) -> json { return to_json(std::move(c)); },
                          [](const ReadResult& r) -> json {
                            json errors = json::array();
                            for (const auto& error : r.errors) errors.push_back(to_json(error));
                            return {{"tree", r.tree}, {"full", r.full}, {"files", r.files}, {"errors", std::move(errors)}};
                          },
                          [](const Trees& t) -> json {
                            json matches = json::array(); // JSON has no lists as keys
                            for (const auto& [globs, digest] : t.matches) matches.push_back({globs, digest});
                            return {{"trees", t.ids}, {"matches", std::move(matches)}};
                          },
                          [](const LastChange& c) -> json { return {{"last_change", c.commit}}; },
                          [](const Proof& p) -> json {
                            json objects = json::array();
                            for (const auto& one : p.objects) // base64: a commit may hold any bytes
                              objects.push_back(json::array({one.id, one.tag, base64_encode(one.content)}));
                            return {{"proof", std::move(objects)}, {"forward", p.forward}};
                          }},
                 answer));
}

Result<Answer> decode_answer(std::string_view message) {
  try {
    json value = json::parse(message);
    if (value.contains("file")) return change_from(value);
    if (value.contains("error")) return error_from(value.at("error"));
    if (value.contains("last_change")) return LastChange{value.at("last_change").get<std::string>()};
    if (value.contains("commit"))
      return Fetched{value.at("commit").get<std::string>(), value.at("ref").get<std::string>(),
                     value.at("revision").get<std::string>(), value.at("milliseconds").get<double>(),
                     value.at("tag").get<std::string>()};
    if (value.contains("proof")) {
      Proof out{.forward = value.at("forward").get<bool>()};
      for (const auto& one : value.at("proof")) {
        auto content = base64_decode(one.at(2).get_ref<const std::string&>());
        if (!content) return garbled("an object is not base64");
        out.objects.push_back({one.at(0).get<std::string>(), one.at(1).get<bool>(), std::move(*content)});
      }
      return out;
    }
    if (value.contains("trees")) {
      Trees trees{value.at("trees").get<std::map<std::string, std::string>>(), {}};
      for (const auto& match : value.at("matches")) trees.matches[match.at(0).get<Globs>()] = match.at(1).get<std::string>();
      return trees;
    }
    ReadResult result{value.at("tree").get<std::string>(), value.at("full").get<bool>(), value.at("files").get<size_t>(), {}};
    for (const auto& error : value.at("errors")) result.errors.push_back(error_from(error));
    return result;
  } catch (const json::exception& error) { return garbled(error.what()); }
}

std::string credentials_key(const Credentials& credentials) { return sha256_hex(text_of(to_json(credentials))); }

} // namespace gitsync::git
