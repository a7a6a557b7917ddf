#include "kube/config.h"

#include "base/secret.h"
#include "base/text.h"
#include "support/catch.h"

#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace gitsync;
using namespace gitsync::kube;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// A directory of its own, removed at the end.
struct Directory {
  fs::path path;
  Directory() {
    std::string pattern = (fs::temp_directory_path() / "gitsync-config-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()));
    path = pattern;
  }
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path write(const std::string& name, std::string_view text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << text;
    return path / name;
  }
};

std::string pem(std::string_view what, std::string_view body) {
  return cat("-----BEGIN ", what, "-----\n", body, "\n-----END ", what, "-----\n");
}

/// A kubeconfig of one cluster and one user, each given as lines of YAML without indentation.
std::string kubeconfig(std::vector<std::string> cluster, std::vector<std::string> user, std::string_view context_extra = "") {
  std::string text =
      "apiVersion: v1\nkind: Config\ncurrent-context: main\ncontexts:\n- name: main\n  context:\n    cluster: c\n    user: u\n";
  text += context_extra;
  text += "clusters:\n- name: c\n  cluster:\n    server: https://api.test:6443\n";
  for (const auto& line : cluster) text += cat("    ", line, "\n");
  text += "users:\n- name: u\n  user:\n    unused: x\n";
  for (const auto& line : user) text += cat("    ", line, "\n");
  return text;
}

const Instant start{1000h};

struct Env {
  explicit Env(const char* host, const char* port) {
    set("KUBERNETES_SERVICE_HOST", host);
    set("KUBERNETES_SERVICE_PORT", port);
  }
  ~Env() {
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("KUBERNETES_SERVICE_PORT");
  }
  static void set(const char* name, const char* value) { value ? setenv(name, value, 1) : unsetenv(name); }
};

} // namespace

TEST_CASE("kubeconfig: everything inline", "[kube][config]") {
  Directory dir;
  const auto ca = pem("CERTIFICATE", "Y2E="), cert = pem("CERTIFICATE", "Y2VydA=="),
             key = pem("PRIVATE KEY", "a2V5LWtleS1rZXk=");
  const auto file = dir.write("config", kubeconfig({"certificate-authority-data: " + base64_encode(ca)},
                                                   {"client-certificate-data: " + base64_encode(cert),
                                                    "client-key-data: " + base64_encode(key), "token: inline-token-4711"},
                                                   "    namespace: shop\n"));
  const auto access = load_kubeconfig(file);
  REQUIRE(access);
  const auto connection = (*access)->current(start);
  CHECK(connection.server == "https://api.test:6443");
  CHECK(connection.authorization == "Bearer inline-token-4711");
  CHECK(connection.tls->ca_pem == ca);
  CHECK(connection.tls->cert_pem == cert);
  CHECK(connection.tls->key_pem == key);
  CHECK_FALSE(connection.tls->insecure);
  CHECK((*access)->default_namespace() == "shop");
  CHECK(redact("x inline-token-4711 y").find("4711") == std::string::npos);
  CHECK(redact(key).find("a2V5") == std::string::npos);
  // The same material is the same object: connections are shared by it.
  CHECK((*access)->current(start + 1h).tls == connection.tls);
  CHECK_FALSE((*access)->refresh(start + 2h));
}

TEST_CASE("kubeconfig: files are relative to it", "[kube][config]") {
  Directory dir;
  const auto ca = pem("CERTIFICATE", "Y2E="), cert = pem("CERTIFICATE", "Y2VydA=="),
             key = pem("PRIVATE KEY", "a2V5LWtleS1rZXk=");
  dir.write("pki/ca.crt", ca);
  dir.write("pki/admin.crt", cert);
  dir.write("pki/admin.key", key);
  dir.write("token", "  from-a-file-4712\n");
  const auto file = dir.write(
      "config", kubeconfig({"certificate-authority: pki/ca.crt"},
                           {"client-certificate: pki/admin.crt", cat("client-key: ", (dir.path / "pki/admin.key").string()),
                            "token: inline-token-4711", "tokenFile: ./token"}));
  const auto access = load_kubeconfig(file);
  REQUIRE(access);
  const auto connection = (*access)->current(start);
  CHECK(connection.tls->ca_pem == ca);
  CHECK(connection.tls->cert_pem == cert);
  CHECK(connection.tls->key_pem == key);
  CHECK(connection.authorization == "Bearer from-a-file-4712"); // the file wins
  CHECK((*access)->default_namespace() == "default");

  SECTION("data wins over a file, which is then not even read") {
    const auto both = dir.write(
        "both", kubeconfig({"certificate-authority: missing", "certificate-authority-data: " + base64_encode(ca)}, {}));
    const auto other = load_kubeconfig(both);
    REQUIRE(other);
    CHECK((*other)->current(start).tls->ca_pem == ca);
    CHECK((*other)->current(start).authorization == "");
  }
  SECTION("an inline token stands in for a file that is not there yet") {
    const auto later = dir.write("later", kubeconfig({}, {"token: inline-token-4711", "tokenFile: later-token"}));
    const auto other = load_kubeconfig(later);
    REQUIRE(other);
    CHECK((*other)->current(start).authorization == "Bearer inline-token-4711");
    dir.write("later-token", "rotated-token-1");
    CHECK((*other)->refresh(start + 1s));
    CHECK((*other)->current(start + 1s).authorization == "Bearer rotated-token-1");
  }
}

TEST_CASE("kubeconfig: contexts", "[kube][config]") {
  Directory dir;
  const auto file = dir.write("config", R"(
current-context: one
contexts:
- {name: one, context: {cluster: a}}
- {name: two, context: {cluster: b, user: ""}}
- {name: lost, context: {cluster: nowhere}}
- {name: nobody, context: {cluster: a, user: ghost}}
clusters:
- {name: a, cluster: {server: "https://a.test/k8s/clusters/c-1/"}}
- {name: b, cluster: {server: "http://127.0.0.1:8001", insecure-skip-tls-verify: true}}
)");
  const auto server = [&](const std::string& context) {
    auto access = load_kubeconfig(file, context);
    return access ? (*access)->current(start).server : access.error().message;
  };
  CHECK(server("") == "https://a.test/k8s/clusters/c-1");
  CHECK(server("two") == "http://127.0.0.1:8001"); // kubectl proxy
  CHECK(load_kubeconfig(file, "two").value()->current(start).tls->insecure);
  CHECK(server("three") == cat(file.string(), ": there is no context called three (it has: one, two, lost, nobody)"));
  CHECK(server("lost") == cat(file.string(), ": context lost: there is no cluster called nowhere (it has: a, b)"));
  CHECK(server("nobody") == cat(file.string(), ": cluster a: there is no user called ghost (it has no users)"));
}

TEST_CASE("kubeconfig: what is refused, with the file and the place", "[kube][config]") {
  Directory dir;
  const auto cert = base64_encode(pem("CERTIFICATE", "Y2VydA=="));
  dir.write("empty", "");
  struct Row {
    std::vector<std::string> cluster, user;
    const char* says;
  };
  const Row rows[] = {
      {{}, {"exec: {command: aws}"}, "user u: exec plugins are never run"},
      {{}, {"auth-provider: {name: gcp}"}, "user u: auth-provider plugins are never run"},
      {{}, {"as: admin"}, "user u: as (impersonation) is not supported"},
      {{}, {"as-groups: [a]"}, "user u: as-groups (impersonation)"},
      {{}, {"username: a"}, "user u: username: API servers take no passwords"},
      {{}, {"password: hunter22"}, "user u: password: API servers take no passwords"},
      {{"proxy-url: http://proxy.test"}, {}, "cluster c: proxy-url is not supported"},
      {{"tls-server-name: x"}, {}, "cluster c: tls-server-name is not supported"},
      {{"insecure-skip-tls-verify: \"yes\""}, {}, "has to be true or false"},
      {{"insecure-skip-tls-verify: true", "certificate-authority-data: " + cert}, {}, "exclude each other"},
      {{"certificate-authority-data: '***'"}, {}, "certificate-authority-data is not base64"},
      {{"certificate-authority-data: bm90IHBlbQ=="}, {}, "certificate-authority-data does not hold PEM"},
      {{"certificate-authority: missing.crt"}, {}, "missing.crt: no such file"},
      {{"certificate-authority: ."}, {}, "not a plain file"},
      {{"certificate-authority: empty"}, {}, "empty: does not hold PEM"},
      {{"certificate-authority: 5"}, {}, "certificate-authority has to be a string"},
      {{}, {"client-certificate-data: " + cert}, "client-certificate has no client-key beside it"},
      {{}, {"client-key-data: " + cert}, "client-key has no client-certificate beside it"},
      {{}, {"token: \"two words\""}, "token holds spaces"},
      {{}, {"token: \"a\\r\\nX-Evil: 1\""}, "token holds spaces"},
      {{}, {"tokenFile: missing"}, "tokenFile: "},
      {{}, {"tokenFile: empty"}, "empty: does not hold a token"},
  };
  for (const auto& row : rows) {
    const auto file = dir.write("config", kubeconfig(row.cluster, row.user));
    const auto access = load_kubeconfig(file);
    CAPTURE(row.says);
    REQUIRE_FALSE(access);
    CAPTURE(access.error().message);
    CHECK(access.error().code == Code::InvalidArgument);
    CHECK(access.error().message.starts_with(file.string() + ": "));
    CHECK(access.error().message.find(row.says) != std::string::npos);
    CHECK(access.error().message.find("hunter22") == std::string::npos);
  }
}

TEST_CASE("kubeconfig: servers", "[kube][config]") {
  Directory dir;
  const auto message = [&](std::string_view server, std::string_view user = "{}") {
    const auto file = dir.write("config", cat("current-context: m\ncontexts: [{name: m, context: {cluster: c, user: u}}]\n",
                                              "clusters: [{name: c, cluster: {server: ", server,
                                              "}}]\nusers: [{name: u, user: ", user, "}]\n"));
    const auto access = load_kubeconfig(file);
    return access ? "good " + (*access)->current(start).server : access.error().message;
  };
  CHECK(message("'https://[::1]:6443///'") == "good https://[::1]:6443");
  CHECK(message("'http://127.0.0.1:8001'") == "good http://127.0.0.1:8001");
  CHECK(message("'http://127.0.0.1:8001'", "{token: abcdefgh}").find("never sent over http://") != std::string::npos);
  for (const char* bad : {"''", "'api.test:6443'", "'ftp://x'", "'https://'", "'https:///path'", "'https://api?x=1'",
                          "'https://a b'", "'https://user:sesame99@api'", "7"}) {
    CAPTURE(bad);
    const auto text = message(bad);
    CHECK(text.find("cluster c: ") != std::string::npos);
    CHECK(text.find("sesame99") == std::string::npos);
  }
}

TEST_CASE("kubeconfig: files that are none", "[kube][config]") {
  Directory dir;
  CHECK(load_kubeconfig(dir.path / "missing").error().message == cat((dir.path / "missing").string(), ": no such file"));
  for (const char* text :
       {"", "[]", "just text", "kind: Pod\n", "{}", "a: [", "current-context: x\ncontexts: 7\n", "current-context: [x]\n",
        "current-context: x\ncontexts: [{name: x, context: []}]\n", "current-context: x\ncontexts: [{name: x}]\n"}) {
    CAPTURE(text);
    const auto file = dir.write("config", text);
    const auto access = load_kubeconfig(file);
    REQUIRE_FALSE(access);
    CHECK(access.error().message.starts_with(file.string() + ":"));
  }
  SECTION("too large") {
    const auto file = dir.write("big", std::string((1u << 20) + 1, ' '));
    CHECK(load_kubeconfig(file).error().message.find("larger than 1048576 bytes") != std::string::npos);
  }
  SECTION("a FIFO is not waited for") {
    const auto fifo = dir.path / "fifo";
    REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(load_kubeconfig(fifo).error().message.find("not a plain file") != std::string::npos);
  }
}

TEST_CASE("in the cluster", "[kube][config]") {
  Directory dir;
  const auto ca = pem("CERTIFICATE", "Y2E=");
  dir.write("token", "service-account-1");
  dir.write("ca.crt", ca);
  SECTION("as kubelet mounts it") {
    Env env("10.96.0.1", "443");
    dir.write("namespace", "gitops\n");
    const auto access = in_cluster(dir.path);
    REQUIRE(access);
    const auto connection = (*access)->current(start);
    CHECK(connection.server == "https://10.96.0.1:443");
    CHECK(connection.authorization == "Bearer service-account-1");
    CHECK(connection.tls->ca_pem == ca);
    CHECK((*access)->default_namespace() == "gitops");
  }
  SECTION("IPv6, no namespace") {
    Env env("fd00::1", "443");
    const auto access = in_cluster(dir.path);
    REQUIRE(access);
    CHECK((*access)->current(start).server == "https://[fd00::1]:443");
    CHECK((*access)->default_namespace() == "default");
  }
  SECTION("refused") {
    struct Row {
      const char *host, *port, *says;
    };
    for (const Row& row :
         {Row{nullptr, "443", "give --kubeconfig"}, Row{"h", nullptr, "give --kubeconfig"}, Row{"", "443", "give --kubeconfig"},
          Row{"h", "0", "not a port"}, Row{"h", "65536", "not a port"}, Row{"h", "443x", "not a port"},
          Row{"a/b", "443", "not a host"}, Row{"x@y", "443", "not a host"}, Row{"a b", "443", "not a host"}}) {
      CAPTURE(row.says);
      Env env(row.host, row.port);
      const auto access = in_cluster(dir.path);
      REQUIRE_FALSE(access);
      CHECK(access.error().message.find(row.says) != std::string::npos);
    }
    Env env("h", "443");
    fs::remove(dir.path / "token");
    CHECK(in_cluster(dir.path).error().message.find("automountServiceAccountToken") != std::string::npos);
  }
}

TEST_CASE("rotation", "[kube][config]") {
  Directory dir;
  Env env("10.96.0.1", "443");
  const auto ca = pem("CERTIFICATE", "Y2E="), ca2 = pem("CERTIFICATE", "Y2Ey");
  // As kubelet does it: token → ..data/token, ..data → a directory that is swapped.
  dir.write("v1/token", "service-account-1");
  dir.write("v1/ca.crt", ca);
  dir.write("v2/token", "service-account-2");
  dir.write("v2/ca.crt", ca);
  fs::create_symlink("v1", dir.path / "..data");
  fs::create_symlink("..data/token", dir.path / "token");
  fs::create_symlink("..data/ca.crt", dir.path / "ca.crt");
  const auto swap = [&](const char* to) {
    fs::create_symlink(to, dir.path / "..next");
    fs::rename(dir.path / "..next", dir.path / "..data");
  };
  auto loaded = in_cluster(dir.path);
  REQUIRE(loaded);
  Access& access = **loaded;
  const auto first = access.current(start);
  REQUIRE(first.authorization == "Bearer service-account-1");
  swap("v2");

  SECTION("seen after a minute, not before") {
    CHECK(access.current(start + 59s).authorization == "Bearer service-account-1");
    const auto later = access.current(start + 60s);
    CHECK(later.authorization == "Bearer service-account-2");
    CHECK(later.tls == first.tls); // the CA is the same: connections stay
    CHECK(redact("service-account-2").find("account") == std::string::npos);
  }
  SECTION("seen at once after a 401; requests that were under way are owed a second try too") {
    CHECK(access.refresh(start + 1s));
    CHECK(access.current(start + 1s).authorization == "Bearer service-account-2");
    CHECK(access.refresh(start + 2s));
    CHECK_FALSE(access.refresh(start + 12s)); // the new one is refused as well
  }
  SECTION("a new CA makes new TLS material") {
    dir.write("v2/ca.crt", ca2);
    const auto later = access.current(start + 60s);
    CHECK(later.tls != first.tls);
    CHECK(later.tls->ca_pem == ca2);
    CHECK(first.tls->ca_pem == ca);
  }
  SECTION("what cannot be read leaves the last good one in force") {
    SECTION("gone") { fs::remove(dir.path / "..data"); }
    SECTION("empty") { dir.write("v2/token", ""); }
    SECTION("not a token") { dir.write("v2/token", "a\nb"); }
    CHECK_FALSE(access.refresh(start + 1s));
    CHECK(access.current(start + 61s).authorization == "Bearer service-account-1");
    dir.write("v1/token", "service-account-3");
    fs::remove(dir.path / "..data");
    fs::create_symlink("v1", dir.path / "..data");
    CHECK(access.refresh(start + 62s));
    CHECK(access.current(start + 62s).authorization == "Bearer service-account-3");
  }
}

TEST_CASE("rotation of a client certificate keeps certificate and key together", "[kube][config]") {
  Directory dir;
  const auto cert = pem("CERTIFICATE", "MQ=="), key = pem("PRIVATE KEY", "a2V5LW9uZQ=="), cert2 = pem("CERTIFICATE", "Mg=="),
             key2 = pem("PRIVATE KEY", "a2V5LXR3bw==");
  dir.write("c.crt", cert);
  dir.write("c.key", key);
  const auto file = dir.write("config", kubeconfig({}, {"client-certificate: c.crt", "client-key: c.key"}));
  auto access = load_kubeconfig(file);
  REQUIRE(access);
  const auto first = (*access)->current(start);

  dir.write("c.crt", cert2);
  dir.write("c.key", ""); // caught in the middle
  CHECK_FALSE((*access)->refresh(start + 1s));
  CHECK((*access)->current(start + 1s).tls == first.tls);
  dir.write("c.key", key2);
  CHECK((*access)->refresh(start + 2s));
  const auto second = (*access)->current(start + 2s);
  CHECK(second.tls->cert_pem == cert2);
  CHECK(second.tls->key_pem == key2);
}
