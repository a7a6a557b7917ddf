#include "kube/config.h"

#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "object/decode.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace gitsync::kube {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr size_t max_file = 1u << 20;
constexpr std::chrono::seconds look_again{60};      // client-go re-reads token files at this pace
constexpr std::chrono::seconds rotation_window{10}; // how long a rotation explains a 401 of a request sent before it

Result<std::string> read_file(const fs::path& file) {
  std::error_code error;
  // Follows symlinks; a FIFO or device would block or never end.
  const auto status = fs::status(file, error);
  if (!fs::exists(status)) return fail(Code::InvalidArgument, cat(file.string(), ": no such file"));
  if (!fs::is_regular_file(status)) return fail(Code::InvalidArgument, cat(file.string(), ": not a plain file"));
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(Code::InvalidArgument, cat(file.string(), ": cannot be opened for reading"));
  std::string text(max_file + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return fail(Code::InvalidArgument, cat(file.string(), ": cannot be read"));
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > max_file) return fail(Code::InvalidArgument, cat(file.string(), ": larger than ", max_file, " bytes"));
  return text;
}

/// What a value has to look like before it is taken: a file caught half-written, or a token with a line break in it, must
/// neither replace good material nor end up in a request's headers.
bool is_pem(std::string_view text) { return text.contains("-----BEGIN ") && trim(text).ends_with("-----"); }
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; });
}

/// One piece of material: given inline, or in a file that may be rotated.
struct Piece {
  std::string value; // what is in force; "" where there is none
  std::optional<fs::path> file;
  bool token = false; // else PEM

  /// Takes what the file holds now. True where it is new; an error leaves the value as it is.
  Result<bool> look() {
    if (!file) return false;
    auto text = read_file(*file);
    if (!text) return std::unexpected(std::move(text.error()));
    std::string next = token ? std::string(trim(*text)) : std::move(*text);
    if (token ? !is_token(next) : !is_pem(next))
      return fail(Code::InvalidArgument, cat(file->string(), token ? ": does not hold a token" : ": does not hold PEM"));
    if (next == value) return false;
    value = std::move(next);
    return true;
  }
};

/// All that a connection is made of.
struct Material {
  std::string server, ns;
  Piece ca, cert, key, token{.token = true};
  bool insecure = false;

  std::array<Piece*, 4> pieces() { return {&ca, &cert, &key, &token}; }
  bool rotates() {
    return std::ranges::any_of(pieces(), [](const Piece* piece) { return piece->file.has_value(); });
  }
};

class MaterialAccess : public Access {
public:
  explicit MaterialAccess(Material material) : material_(std::move(material)) { rebuild(); }

  Connection current(Instant now) override {
    if (!looked_at_) looked_at_ = now; // load() has just read everything
    if (now - *looked_at_ >= look_again) look(now);
    return connection_;
  }

  bool refresh(Instant now) override {
    look(now);
    // Several requests may be under way when a token rotates. The first 401 finds the new one, the others are owed the same.
    return changed_at_ && now - *changed_at_ < rotation_window;
  }

  std::string default_namespace() const override { return material_.ns.empty() ? "default" : material_.ns; }

private:
  void look(Instant now) {
    looked_at_ = now;
    if (!material_.rotates()) return;
    Material next = material_;
    std::string problem;
    bool changed = false;
    for (Piece* piece : {&next.ca, &next.token}) changed |= take(*piece, problem);
    changed |= take_pair(next, problem);
    if (problem != problem_ && !problem.empty())
      log::warn("credentials cannot be re-read; the last good ones stay in force", {{"cause", problem}});
    problem_ = std::move(problem);
    if (!changed) return;
    material_ = std::move(next);
    changed_at_ = now;
    rebuild();
    log::info("credentials for the API server were rotated", {{"server", material_.server}});
  }

  static bool take(Piece& piece, std::string& problem) {
    auto changed = piece.look();
    if (changed) return *changed;
    problem = changed.error().message;
    return false;
  }

  /// Certificate and key belong together: both or neither. The certificate is looked at again after the key, so that a symlink
  /// swapped between the two reads is noticed.
  static bool take_pair(Material& next, std::string& problem) {
    const Piece cert = next.cert, key = next.key;
    bool changed = false;
    for (int attempt = 0; attempt < 3; ++attempt) {
      auto first = next.cert.look();
      auto second = first ? next.key.look() : first;
      auto again = second ? next.cert.look() : second;
      if (!again) {
        problem = again.error().message;
        break;
      }
      changed |= *first || *second;
      if (!*again) return changed;
      changed = true;
    }
    if (problem.empty()) problem = cat(next.cert.file->string(), ": changes while it is read");
    next.cert = cert;
    next.key = key;
    return false;
  }

  void rebuild() {
    register_secret(material_.token.value);
    register_secret(material_.key.value);
    auto tls = std::make_shared<http::Tls>();
    tls->ca_pem = material_.ca.value;
    tls->cert_pem = material_.cert.value;
    tls->key_pem = material_.key.value;
    tls->insecure = material_.insecure;
    connection_.server = material_.server;
    connection_.authorization = material_.token.value.empty() ? "" : "Bearer " + material_.token.value;
    // New TLS material means new connections: only where it did change, not for a token.
    if (!connection_.tls || connection_.tls->ca_pem != tls->ca_pem || connection_.tls->cert_pem != tls->cert_pem ||
        connection_.tls->key_pem != tls->key_pem)
      connection_.tls = std::move(tls);
  }

  Material material_;
  Connection connection_;
  std::optional<Instant> looked_at_, changed_at_;
  std::string problem_; // of the last look, so that it is logged once
};

/// Reads one kubeconfig; every error begins with the file.
class KubeconfigReader {
public:
  explicit KubeconfigReader(const fs::path& file) : file_(file), name_(file.string()) {}

  Result<Material> read(const std::string& wanted) {
    auto text = read_file(file_);
    if (!text) return std::unexpected(std::move(text.error()));
    auto config = yaml_to_json(name_, *text);
    if (!config) return std::unexpected(std::move(config.error()));
    if (!config->is_object()) return bad("is not a kubeconfig: expected a mapping with clusters, users and contexts");
    if (auto kind = text_of(*config, "kind"); kind && !kind->empty() && *kind != "Config")
      return bad(cat("is not a kubeconfig: its kind is ", *kind));

    std::string name = wanted;
    if (name.empty()) {
      auto current = text_of(*config, "current-context");
      if (!current) return std::unexpected(std::move(current.error()));
      name = std::move(*current);
    }
    if (name.empty())
      return bad(cat("names no current-context: choose one with `kubectl config use-context` or --context",
                     names(*config, "contexts")));
    auto context = named(*config, "contexts", "context", name);
    if (!context) return std::unexpected(std::move(context.error()));
    at_ = cat("context ", name, ": ");

    Material material;
    auto cluster_name = text_of(**context, "cluster"), user_name = text_of(**context, "user"),
         ns = text_of(**context, "namespace");
    for (auto* part : {&cluster_name, &user_name, &ns})
      if (!*part) return std::unexpected(std::move(part->error()));
    if (cluster_name->empty()) return bad("names no cluster");
    material.ns = std::move(*ns);
    auto cluster = named(*config, "clusters", "cluster", *cluster_name);
    if (!cluster) return std::unexpected(std::move(cluster.error()));
    at_ = cat("cluster ", *cluster_name, ": ");
    if (auto done = read_cluster(**cluster, material); !done) return std::unexpected(std::move(done.error()));
    if (!user_name->empty()) { // a context without a user is anonymous
      auto user = named(*config, "users", "user", *user_name);
      if (!user) return std::unexpected(std::move(user.error()));
      at_ = cat("user ", *user_name, ": ");
      if (auto done = read_user(**user, material); !done) return std::unexpected(std::move(done.error()));
    }
    if (material.server.starts_with("http://") && !(material.token.value.empty() && material.key.value.empty()))
      return bad("credentials are never sent over http://: use an https:// server");
    return material;
  }

private:
  std::unexpected<Error> bad(std::string_view what) const { return fail(Code::InvalidArgument, cat(name_, ": ", at_, what)); }

  /// A member that has to be text where it is set.
  Result<std::string> text_of(const json& object, const char* key) const {
    const auto it = object.find(key);
    if (it == object.end() || it->is_null()) return "";
    if (!it->is_string()) return bad(cat(key, " has to be a string (quote it)"));
    return it->get<std::string>();
  }

  static bool is_set(const json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && !it->is_null() && !(it->is_string() && it->get_ref<const std::string&>().empty()) &&
           !((it->is_array() || it->is_object()) && it->empty());
  }

  /// " (it has: a, b)", of the names in a list.
  static std::string names(const json& config, const char* list) {
    std::vector<std::string> found;
    if (const auto it = config.find(list); it != config.end() && it->is_array())
      for (const auto& entry : *it)
        if (entry.is_object() && entry.contains("name") && entry["name"].is_string())
          found.push_back(entry["name"].get<std::string>());
    return found.empty() ? cat(" (it has no ", list, ")") : cat(" (it has: ", shorten(join(found, ", "), 200), ")");
  }

  /// The entry of that name; the first one counts, as for kubectl.
  Result<const json*> named(const json& config, const char* list, const char* member, const std::string& name) const {
    if (const auto it = config.find(list); it != config.end() && it->is_array())
      for (const auto& entry : *it) {
        if (!entry.is_object() || !entry.contains("name") || entry["name"] != name) continue;
        const auto value = entry.find(member);
        if (value == entry.end() || value->is_null()) {
          static const json empty = json::object();
          return &empty;
        }
        if (!value->is_object()) return bad(cat(member, " ", name, " is not a mapping"));
        return &*value;
      }
    return bad(cat("there is no ", member, " called ", name, names(config, list)));
  }

  /// "x-data" (base64) wins over "x" (a path relative to the kubeconfig), as client-go has it.
  Result<> piece(const json& object, const std::string& key, Piece& out) const {
    auto data = text_of(object, (key + "-data").c_str());
    if (!data) return std::unexpected(std::move(data.error()));
    if (!data->empty()) {
      std::string packed = *data; // some tools fold the lines
      std::erase_if(packed, [](char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; });
      auto bytes = base64_decode(packed);
      if (!bytes) return bad(cat(key, "-data is not base64"));
      if (!is_pem(*bytes)) return bad(cat(key, "-data does not hold PEM"));
      out.value = std::move(*bytes);
      return {};
    }
    auto path = text_of(object, key.c_str());
    if (!path) return std::unexpected(std::move(path.error()));
    return path->empty() ? Result<>{} : from_file(*path, key, out);
  }

  Result<> from_file(const std::string& path, std::string_view key, Piece& out) const {
    out.file = file_.parent_path() / path; // an absolute path replaces the directory
    if (auto looked = out.look(); !looked) return bad(cat(key, ": ", looked.error().message));
    return {};
  }

  Result<> read_cluster(const json& cluster, Material& material) const {
    auto server = text_of(cluster, "server");
    if (!server) return std::unexpected(std::move(server.error()));
    while (server->ends_with('/')) server->pop_back();
    const bool https = server->starts_with("https://"), http = server->starts_with("http://");
    if (server->empty()) return bad("names no server");
    if (!https && !http) return bad(cat("server has to begin with https:// (it is ", redact(*server), ")"));
    const std::string_view rest = std::string_view(*server).substr(https ? 8 : 7);
    if (rest.empty() || rest.starts_with('/')) return bad("server names no host");
    if (rest.substr(0, rest.find('/')).contains('@'))
      return bad("server must not hold a user or password: use a token or a client certificate");
    if (rest.find_first_of("?#") != rest.npos || !is_token(*server))
      return bad("server must be a plain URL without ?, # or spaces");
    material.server = std::move(*server);

    if (is_set(cluster, "proxy-url")) return bad("proxy-url is not supported: reach the API server directly and remove it");
    if (is_set(cluster, "tls-server-name"))
      return bad("tls-server-name is not supported: let server name a host that stands in the certificate, and remove it");
    if (const auto it = cluster.find("insecure-skip-tls-verify"); it != cluster.end() && !it->is_null()) {
      if (!it->is_boolean()) return bad("insecure-skip-tls-verify has to be true or false");
      material.insecure = it->get<bool>();
    }
    if (auto done = piece(cluster, "certificate-authority", material.ca); !done) return done;
    if (material.insecure && !material.ca.value.empty())
      return bad("insecure-skip-tls-verify and a certificate-authority exclude each other: remove one");
    return {};
  }

  Result<> read_user(const json& user, Material& material) const {
    for (const char* plugin : {"exec", "auth-provider"})
      if (is_set(user, plugin))
        return bad(cat(plugin, " plugins are never run by an operator: use a token, a tokenFile or a client certificate "
                               "(`kubectl create token` gives a service account's)"));
    for (const char* key : {"as", "as-uid", "as-groups", "as-user-extra"})
      if (is_set(user, key))
        return bad(cat(key, " (impersonation) is not supported here: use spec.serviceAccountName of a GitSync"));
    for (const char* key : {"username", "password"})
      if (is_set(user, key))
        return bad(cat(key, ": API servers take no passwords any more; use a token or a client certificate"));

    if (auto done = piece(user, "client-certificate", material.cert); !done) return done;
    if (auto done = piece(user, "client-key", material.key); !done) return done;
    if (material.cert.value.empty() != material.key.value.empty())
      return bad(material.key.value.empty() ? "client-certificate has no client-key beside it"
                                            : "client-key has no client-certificate beside it");

    auto token = text_of(user, "token"), token_file = text_of(user, "tokenFile");
    for (auto* part : {&token, &token_file})
      if (!*part) return std::unexpected(std::move(part->error()));
    if (!token->empty()) {
      if (!is_token(*token)) return bad("token holds spaces or control characters");
      material.token.value = std::move(*token);
    }
    if (token_file->empty()) return {};
    // Both given: the file wins as soon as it can be read, as in client-go.
    auto done = from_file(*token_file, "tokenFile", material.token);
    if (!done && !material.token.value.empty()) return {};
    return done;
  }

  fs::path file_;
  std::string name_;
  std::string at_; // "cluster x: ", where in the file we are
};

/// A number from 1 to 65535.
bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

} // namespace

Result<std::unique_ptr<Access>> load_kubeconfig(const fs::path& file, const std::string& context) {
  auto material = KubeconfigReader(file).read(context);
  if (!material) return std::unexpected(std::move(material.error()));
  if (material->insecure)
    log::warn("the API server's certificate is not verified: whoever sits in between reads and changes everything",
              {{"kubeconfig", file.string()}, {"server", material->server}});
  return std::make_unique<MaterialAccess>(std::move(*material));
}

Result<std::unique_ptr<Access>> in_cluster(const fs::path& service_account) {
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (!host || !*host || !port || !*port)
    return fail(Code::InvalidArgument,
                "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is not a pod; give --kubeconfig FILE");
  if (!is_port(port)) return fail(Code::InvalidArgument, "KUBERNETES_SERVICE_PORT: not a port number");
  const std::string_view name(host);
  if (!is_token(name) || name.find_first_of("/@?#[]") != name.npos)
    return fail(Code::InvalidArgument, "KUBERNETES_SERVICE_HOST: not a host name or address");

  Material material;
  material.server = name.contains(':') ? cat("https://[", name, "]:", port) : cat("https://", name, ":", port);
  material.token.file = service_account / "token";
  material.ca.file = service_account / "ca.crt";
  for (Piece* piece : {&material.token, &material.ca})
    if (auto looked = piece->look(); !looked)
      return fail(Code::InvalidArgument, cat(looked.error().message, " (is automountServiceAccountToken off for this pod?)"));
  if (auto ns = read_file(service_account / "namespace")) material.ns = std::string(trim(*ns));
  return std::make_unique<MaterialAccess>(std::move(material));
}

} // namespace gitsync::kube
