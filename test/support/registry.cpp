#include "support/registry.h"

#include "support/text.h"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace gitsync::test {
namespace {

using nlohmann::json;

// The empty descriptor of the OCI image specification: the blob "{}".
constexpr const char* empty_digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

Process::Options program(const std::filesystem::path& directory, const Registry::Options& options) {
  std::filesystem::create_directories(directory);
  const char* path = std::getenv("GITSYNC_REGISTRY");
  if (!path || !std::filesystem::exists(path))
    throw std::runtime_error("GITSYNC_REGISTRY names no program: run `make deps` and `source scripts/env.sh` first");
  Process::Options out{
      .argv = {path, "--directory", directory, "--auth", options.auth, "--user", options.user, "--password", options.password},
      .errors = directory / "registry.log",
      .hold_input = true};
  if (options.tls) out.argv.push_back("--tls");
  return out;
}

} // namespace

Registry::Registry(const std::filesystem::path& directory, Options options)
    : directory_(directory), options_(std::move(options)), process_(program(directory, options_)) {
  const std::string line = process_.read_line(30);
  host_ = line.substr(0, line.find(' '));
  realm_ = line.substr(line.find(' ') + 1);
  http_ = std::make_unique<Http>(options_.tls ? Http::Tls{authority(), "", ""} : Http::Tls{});
}

std::vector<std::string> Registry::flags() const {
  std::vector<std::string> out = {"--plain-http-registry", host_};
  if (options_.auth == "token") {
    out.emplace_back("--plain-http-registry");
    out.push_back(realm_.substr(7, realm_.find('/', 7) - 7));
  }
  return out;
}

std::string Registry::authority() const { return read_file(directory_ / "ca.crt"); }

HttpReply Registry::send(const std::string& method, const std::string& url, const std::string& body, const std::string& type,
                         const std::string& authorization, long expected) {
  std::vector<std::string> headers;
  if (!type.empty()) headers.push_back("Content-Type: " + type);
  if (!authorization.empty()) headers.push_back("Authorization: " + authorization);
  if (method == "POST") headers.emplace_back("Content-Length: 0");
  auto reply = http_->request(method, url, body, headers);
  if (reply.status != expected)
    throw std::runtime_error(method + " " + url + ": " + std::to_string(reply.status) + " " + reply.body);
  return reply;
}

void Registry::push(const std::string& repository, const std::string& tag) {
  const std::string basic = "Basic " + base64_encode(options_.user + ":" + options_.password);
  std::string authorization = options_.auth.empty() ? "" : basic;
  if (options_.auth == "token")
    authorization =
        "Bearer " + json::parse(send("GET", realm_ + "?scope=repository:" + repository + ":pull,push", "", "", basic, 200).body)
                        .at("token")
                        .get<std::string>();
  const std::string base = (options_.tls ? "https://" : "http://") + host_;
  const auto upload = send("POST", base + "/v2/" + repository + "/blobs/uploads/", "", "", authorization, 202).location;
  const std::string place = upload.front() == '/' ? base + upload : upload;
  send("PUT", place + (place.find('?') == std::string::npos ? "?" : "&") + "digest=" + empty_digest, "{}",
       "application/octet-stream", authorization, 201);
  const json blob = {{"mediaType", "application/vnd.oci.empty.v1+json"}, {"digest", empty_digest}, {"size", 2}};
  const std::string type = "application/vnd.oci.image.manifest.v1+json";
  const json manifest = {{"schemaVersion", 2}, {"mediaType", type}, {"config", blob}, {"layers", json::array({blob})}};
  send("PUT", base + "/v2/" + repository + "/manifests/" + tag, manifest.dump(), type, authorization, 201);
}

std::string Registry::docker_config(const std::string& password) const {
  const json entry = {{"username", options_.user}, {"password", password.empty() ? options_.password : password}};
  return json{{"auths", {{host_, entry}}}}.dump();
}

} // namespace gitsync::test
