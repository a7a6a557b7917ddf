#include "unit/git/fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/socket.h>

using namespace gitsync;
using namespace gitsync::test;

namespace {

/// A real sshd on a free loopback port, as the user who runs the tests.
class SshServer {
public:
  explicit SshServer(const fs::path& dir) : dir_(dir) {
    fs::create_directories(dir);
    for (const char* type : {"ed25519", "ecdsa"}) {
      keygen(type, cat("host_", type));
      keygen(type, cat("client_", type));
    }
    keygen("ed25519", "stranger");
    shell(cat("cat ", (dir / "client_ed25519.pub").string(), " ", (dir / "client_ecdsa.pub").string(), " > ",
              (dir / "authorized").string()));
    const int listener = listen_on_free_port();
    std::ofstream(dir / "config")
        << "Port " << port_ << "\nListenAddress 127.0.0.1\nHostKey " << (dir / "host_ecdsa").string() << "\nHostKey "
        << (dir / "host_ed25519").string() << "\nAuthorizedKeysFile " << (dir / "authorized").string()
        << "\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\nPidFile none\n";
    close(listener); // sshd binds it again
    if (geteuid() == 0) fs::create_directories("/run/sshd");
    const auto config = (dir / "config").string(), log = (dir / "log").string();
    const char* arguments[] = {"/usr/sbin/sshd", "-D", "-f", config.c_str(), "-E", log.c_str(), nullptr};
    char* environment[] = {nullptr};
    if (posix_spawn(&pid_, arguments[0], nullptr, nullptr, const_cast<char**>(arguments), environment) != 0)
      throw std::runtime_error("sshd");
    wait_until_it_listens();
  }
  ~SshServer() {
    kill(pid_, SIGTERM);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
  }
  SshServer(const SshServer&) = delete;
  SshServer& operator=(const SshServer&) = delete;

  std::string url(const TestRepository& repo) const {
    return cat("ssh://", user(), "@127.0.0.1:", port_, repo.path().string());
  }
  std::string file(const std::string& name) const {
    std::ostringstream out;
    out << std::ifstream(dir_ / name).rdbuf();
    return out.str();
  }
  /// The known_hosts line of one of the host's keys.
  std::string known(const std::string& type) const { return cat("[127.0.0.1]:", port_, " ", file(cat("host_", type, ".pub"))); }
  static std::string user() { return getpwuid(geteuid())->pw_name; }

private:
  void keygen(std::string_view type, std::string_view name) const {
    shell(cat("ssh-keygen -q -t ", type, " -N '' -C test -f ", (dir_ / name).string()));
  }
  int listen_on_free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    if (!bound) throw std::runtime_error("no free port");
    port_ = ntohs(address.sin_port);
    return fd;
  }
  /// sshd tells nobody but its log; connecting says it, too. Gives up when sshd has ended.
  void wait_until_it_listens() const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    for (;;) {
      const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const int rc = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
      close(fd);
      if (rc == 0) return;
      siginfo_t info{};
      if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0)
        FAIL("sshd ended: " + file("log"));
      sched_yield();
    }
  }

  fs::path dir_;
  uint16_t port_ = 0;
  pid_t pid_ = -1;
};

} // namespace

TEST_CASE("ssh: keys from memory, host keys from known_hosts only", "[git]") {
  if (!fs::exists("/usr/sbin/sshd")) {
    WARN("skipped: there is no sshd here (package openssh-server)");
    return;
  }
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  const auto id = repo.commit({{"a.yaml", config_map("a")}});
  const SshServer server(f.scratch / "ssh");
  const auto url = server.url(repo);
  const auto both = server.known("ecdsa") + server.known("ed25519");
  const auto fetch = [&](const std::string& identity, const std::string& known_hosts) {
    return f.fetch(url, {.branch = "main"},
                   {.identity = identity.empty() ? "" : server.file(identity), .known_hosts = known_hosts});
  };
  const auto taken = [&](const Result<git::Fetched>& result) {
    if (!result) UNSCOPED_INFO(result.error().text());
    return result && result->commit == id;
  };
  const auto refused = [&](const Result<git::Fetched>& result, std::string_view why) {
    if (!result) UNSCOPED_INFO(result.error().text());
    return !result && result.error().code == Code::GitAuth && result.error().message.find(why) != std::string::npos;
  };

  for (const char* key : {"client_ed25519", "client_ecdsa"}) CHECK(taken(fetch(key, both)));
  // Whichever of the host's keys is listed, that one is asked for.
  CHECK(taken(fetch("client_ed25519", server.known("ecdsa"))));
  CHECK(taken(fetch("client_ed25519", server.known("ed25519"))));
  // A fast-forward over ssh.
  const auto second = repo.commit({{"a.yaml", config_map("b")}}, "main", id);
  const auto forward = fetch("client_ed25519", both);
  REQUIRE(forward);
  CHECK(forward->commit == second);

  CHECK(refused(fetch("client_ed25519", ""), "known_hosts is missing"));
  CHECK(refused(fetch("client_ed25519", "example.com " + server.file("host_ed25519.pub")), "has no key for"));
  CHECK(refused(fetch("client_ed25519", cat(server.known("ed25519").substr(0, server.known("ed25519").find(' ')), " ",
                                            server.file("stranger.pub"))),
                "none of those"));
  CHECK(refused(fetch("client_ed25519",
                      both + "@revoked * " + server.file("host_ed25519.pub") + "@revoked * " + server.file("host_ecdsa.pub")),
                "revoked"));
  CHECK(refused(fetch("stranger", both), "refuses the key"));
  CHECK(refused(fetch("", both), "wants a key"));
  // Nothing of it stays on disk.
  for (const auto& entry : fs::directory_iterator(f.mirrors))
    CHECK_FALSE(entry.path().filename().string().starts_with(".home"));
}
