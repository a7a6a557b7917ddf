#include "git_worker/http_remote.h"

#include "support/git_server.h"
#include "unit/git/fixture.h"

#include <arpa/inet.h>
#include <atomic>
#include <fcntl.h>
#include <list>
#include <mutex>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

using namespace gitsync;
using namespace gitsync::test;

namespace {

Code code_of(const Result<git::Fetched>& result) { return result ? Code::Internal : result.error().code; }

/// Accepts on a free loopback port, and hands each connection to `serve` in a thread of its own. A connection is closed after
/// it.
class Listener {
public:
  explicit Listener(std::function<void(int)> serve) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd_, 16) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no free port");
    port = ntohs(address.sin_port);
    acceptor_ = std::thread([this, serve = std::move(serve)] {
      for (int client; (client = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
        const std::lock_guard lock(mutex_);
        clients_.push_back(client);
        threads_.emplace_back([serve, client] {
          serve(client);
          shutdown(client, SHUT_RDWR);
        });
      }
    });
  }
  ~Listener() {
    shutdown(fd_, SHUT_RDWR);
    acceptor_.join();
    for (const int client : clients_) shutdown(client, SHUT_RDWR);
    for (auto& thread : threads_) thread.join();
    for (const int client : clients_) close(client);
    close(fd_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  uint16_t port = 0;

private:
  int fd_;
  std::mutex mutex_;
  std::list<int> clients_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

int dial(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

/// Copies between two sockets until one of them ends.
void relay(int a, int b) {
  char buffer[16384];
  for (;;) {
    pollfd both[] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
    if (poll(both, 2, -1) < 0) return;
    for (int i = 0; i < 2; ++i) {
      if (both[i].revents == 0) continue;
      const ssize_t count = recv(both[i].fd, buffer, sizeof buffer, 0);
      if (count <= 0 || !send_all(both[1 - i].fd, {buffer, static_cast<size_t>(count)})) return;
    }
  }
}

/// Certificates made by the openssl command: an authority, a server's for 127.0.0.1, a client's, and one of a stranger's.
void make_certificates(const fs::path& dir) {
  fs::create_directories(dir);
  const auto at = [&](const char* name) { return (dir / name).string(); };
  const auto self_signed = [&](const std::string& name) {
    shell(cat("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=", name, " -keyout ",
              at((name + ".key").c_str()), " -out ", at((name + ".crt").c_str())));
  };
  self_signed("ca");
  self_signed("stranger");
  for (const std::string name : {"server", "client"}) {
    shell(cat("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=", name, " -keyout ",
              at((name + ".key").c_str()), " -out ", at((name + ".csr").c_str())));
    std::ofstream(dir / "extensions") << "subjectAltName=IP:127.0.0.1\n";
    shell(cat("openssl x509 -req -days 2 -in ", at((name + ".csr").c_str()), " -CA ", at("ca.crt"), " -CAkey ", at("ca.key"),
              " -CAcreateserial -extfile ", at("extensions"), " -out ", at((name + ".crt").c_str())));
  }
}

std::string content(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file).rdbuf();
  return out.str();
}

/// TLS before a server that speaks plain text; asks for a client certificate of the same authority where it is told to.
class TlsFront {
public:
  TlsFront(const fs::path& certificates, uint16_t behind, bool client_certificates)
      : context_(SSL_CTX_new(TLS_server_method())), behind_(behind), listener_([this](int fd) { serve(fd); }) {
    SSL_CTX_use_certificate_chain_file(context_.get(), (certificates / "server.crt").c_str());
    SSL_CTX_use_PrivateKey_file(context_.get(), (certificates / "server.key").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_load_verify_locations(context_.get(), (certificates / "ca.crt").c_str(), nullptr);
    if (client_certificates) SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  std::string url(const std::string& repository) const { return cat("https://127.0.0.1:", listener_.port, "/", repository); }
  uint16_t port() const { return listener_.port; }

private:
  void serve(int fd) {
    sigset_t pipe; // what a client that hangs up raises in SSL_write()
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    SSL* tls = SSL_new(context_.get());
    SSL_set_fd(tls, fd);
    const int back = SSL_accept(tls) == 1 ? dial(behind_) : -1;
    char buffer[16384];
    while (back >= 0) {
      pollfd both[] = {{fd, POLLIN, 0}, {back, POLLIN, 0}};
      if (SSL_pending(tls) == 0 && poll(both, 2, -1) < 0) break;
      if (SSL_pending(tls) != 0 || both[0].revents != 0) {
        const int count = SSL_read(tls, buffer, sizeof buffer);
        if (count <= 0 || !send_all(back, {buffer, static_cast<size_t>(count)})) break;
      } else if (both[1].revents != 0) {
        const ssize_t count = recv(back, buffer, sizeof buffer, 0);
        if (count <= 0 || SSL_write(tls, buffer, static_cast<int>(count)) <= 0) break;
      }
    }
    if (back >= 0) close(back);
    SSL_free(tls);
  }

  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> context_; // outlives the listener's threads
  uint16_t behind_;
  Listener listener_;
};

/// A proxy that knows CONNECT to the loopback only, and remembers what it was asked in plain text.
class Proxy {
public:
  explicit Proxy(std::string authorization)
      : authorization_(std::move(authorization)), listener_([this](int fd) { serve(fd); }) {}
  std::string url() const { return cat("http://127.0.0.1:", listener_.port); }
  std::string heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

private:
  void serve(int fd) {
    std::string head;
    char byte = 0;
    while (!head.ends_with("\r\n\r\n") && recv(fd, &byte, 1, 0) == 1) head += byte;
    {
      const std::lock_guard lock(mutex_);
      heard_ += head;
    }
    if (!head.starts_with("CONNECT 127.0.0.1:")) return;
    if (head.find(cat("Proxy-Authorization: Basic ", authorization_)) == std::string::npos) {
      send_all(fd, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: "
                   "0\r\n\r\n");
      return;
    }
    const int back = dial(static_cast<uint16_t>(std::stoi(head.substr(18))));
    if (back < 0) return;
    send_all(fd, "HTTP/1.1 200 OK\r\n\r\n");
    relay(fd, back);
    close(back);
  }

  std::string authorization_;
  std::mutex mutex_;
  std::string heard_;
  Listener listener_;
};

} // namespace

TEST_CASE("a redirect is followed to the same server only", "[git]") {
  struct Case {
    const char *from, *to;
    bool without, with; // credentials
  };
  for (const auto& c : {Case{"https://h/a", "https://h/b", true, true}, Case{"https://h/a", "https://i/a", false, false},
                        Case{"https://h/a", "http://h/a", false, false}, Case{"http://h/a", "https://h/a", true, true},
                        Case{"https://h/a", "https://h:8443/a", true, false}, Case{"http://h:81/a", "https://h/a", true, false},
                        Case{"https://h/a", "ssh://h/a", false, false}, Case{"https://h/a", "https://h.evil/a", false, false},
                        Case{"https://h/a", "https://h@evil/a", false, false}}) {
    CAPTURE(c.from, c.to);
    CHECK(git::may_redirect(*git::parse_url(c.from), *git::parse_url(c.to), false) == c.without);
    CHECK(git::may_redirect(*git::parse_url(c.from), *git::parse_url(c.to), true) == c.with);
  }
}

TEST_CASE("https: a private authority, client certificates, a proxy that learns nothing", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  const auto id = repo.commit({{"a.yaml", "# " + noise(3 << 20) + "\n"}}); // more than is held at a time
  const auto certificates = f.scratch / "tls";
  make_certificates(certificates);
  const auto pem = [&](const char* name) { return content(certificates / name); };
  const GitServer server({.root = f.scratch.path(), .user = "robot", .password = "canary-horse"});
  const TlsFront plain(certificates, server.port(), false), strict(certificates, server.port(), true);
  Proxy proxy(base64_encode("user:canary-proxy"));
  git::Credentials good{.username = "robot", .password = "canary-horse", .ca_crt = pem("ca.crt")};
  const auto with = [&](auto change) {
    auto out = good;
    change(out);
    return out;
  };
  struct Case {
    std::string name, url;
    git::Credentials credentials;
    Code code; // Internal: none
    std::string part;
  };
  const std::vector<Case> cases{
      {"trusted", plain.url("r.git"), good, Code::Internal, ""},
      {"no authority", plain.url("r.git"), with([](auto& c) { c.ca_crt.clear(); }), Code::GitFetch, "give its CA as ca.crt"},
      {"another's authority", plain.url("r.git"), with([&](auto& c) { c.ca_crt = pem("stranger.crt"); }), Code::GitFetch,
       "not trusted by ca.crt"},
      {"another name", cat("https://localhost:", plain.port(), "/r.git"), good, Code::GitFetch, "not trusted"},
      {"no client certificate", strict.url("r.git"), good, Code::GitAuth, "wants a client certificate"},
      {"another's client certificate", strict.url("r.git"), with([&](auto& c) {
         c.tls_crt = pem("stranger.crt");
         c.tls_key = pem("stranger.key");
       }),
       Code::GitAuth, "refuses the client certificate"},
      {"a key that isn't the certificate's", strict.url("r.git"), with([&](auto& c) {
         c.tls_crt = pem("client.crt");
         c.tls_key = pem("stranger.key");
       }),
       Code::InvalidSpec, "tls.crt and tls.key cannot be used"},
      {"client certificate", strict.url("r.git"), with([&](auto& c) {
         c.tls_crt = pem("client.crt");
         c.tls_key = pem("client.key");
       }),
       Code::Internal, ""},
      {"proxy", plain.url("r.git"), with([&](auto& c) {
         c.proxy = proxy.url();
         c.proxy_username = "user";
         c.proxy_password = "canary-proxy";
       }),
       Code::Internal, ""},
      {"proxy that refuses", plain.url("r.git"), with([&](auto& c) { c.proxy = proxy.url(); }), Code::GitAuth,
       "the proxy refuses"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto result = f.fetch(c.url, {}, c.credentials);
    if (!result) UNSCOPED_INFO(result.error().text());
    CHECK(code_of(result) == c.code);
    if (result) {
      CHECK(result->commit == id);
    } else {
      CHECK(result.error().message.find(c.part) != std::string::npos);
      CHECK(result.error().message.find("canary") == std::string::npos);
    }
  }
  CHECK(proxy.heard().find("CONNECT 127.0.0.1:") != std::string::npos);
  CHECK(proxy.heard().find(base64_encode("robot:canary-horse")) == std::string::npos);
}
