#include "support/git_server.h"

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <list>
#include <map>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace gitsync::test {
namespace {

constexpr size_t max_head = 64u << 10;
constexpr uint64_t max_body = 1ull << 30;

struct Request {
  std::string method, path, query;
  std::map<std::string, std::string> headers; // names in lower case
  int body = -1;                              // a memory file, at its beginning
  ~Request() {
    if (body >= 0) close(body);
  }
};

std::string base64(const std::string& text) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < text.size(); i += 3) {
    unsigned bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) out += i + k <= text.size() ? digits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

/// A connection with a read buffer.
class Connection {
public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void cut() { shutdown(fd_, SHUT_RDWR); }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }

  /// Up to and with the end mark; empty at the end of the stream.
  std::string read_until(std::string_view end) {
    size_t at;
    while ((at = buffer_.find(end)) == std::string::npos)
      if (buffer_.size() > max_head || !fill()) return {};
    std::string out = buffer_.substr(0, at + end.size());
    buffer_.erase(0, at + end.size());
    return out;
  }

  /// Copies this many bytes to the file.
  bool copy(uint64_t count, int file) {
    while (count != 0) {
      if (buffer_.empty() && !fill()) return false;
      const size_t part = std::min<uint64_t>(count, buffer_.size());
      if (write(file, buffer_.data(), part) != static_cast<ssize_t>(part)) return false;
      buffer_.erase(0, part);
      count -= part;
    }
    return true;
  }

private:
  bool fill() {
    char chunk[16384];
    ssize_t count;
    while ((count = recv(fd_, chunk, sizeof chunk, 0)) < 0 && errno == EINTR) {}
    if (count <= 0) return false;
    buffer_.append(chunk, static_cast<size_t>(count));
    return true;
  }

  int fd_;
  std::string buffer_;
};

bool read_body(Connection& connection, Request& request) {
  request.body = memfd_create("body", MFD_CLOEXEC);
  uint64_t total = 0;
  if (request.headers["transfer-encoding"] == "chunked") {
    for (;;) {
      const auto line = connection.read_until("\r\n");
      if (line.empty()) return false;
      const uint64_t size = std::strtoull(line.c_str(), nullptr, 16);
      if ((total += size) > max_body || !connection.copy(size, request.body) || connection.read_until("\r\n") != "\r\n")
        return false;
      if (size == 0) break;
    }
  } else if (const auto length = request.headers.find("content-length"); length != request.headers.end()) {
    total = std::strtoull(length->second.c_str(), nullptr, 10);
    if (total > max_body || !connection.copy(total, request.body)) return false;
  }
  request.headers["content-length"] = std::to_string(total);
  return lseek(request.body, 0, SEEK_SET) == 0;
}

bool read_request(Connection& connection, Request& request) {
  const auto head = connection.read_until("\r\n\r\n");
  const size_t line_end = head.find("\r\n");
  if (line_end == std::string::npos) return false;
  const auto line = head.substr(0, line_end);
  const size_t one = line.find(' '), two = line.rfind(' ');
  if (one == std::string::npos || two <= one) return false;
  request.method = line.substr(0, one);
  const auto target = line.substr(one + 1, two - one - 1);
  request.path = target.substr(0, target.find('?'));
  if (const size_t mark = target.find('?'); mark != std::string::npos) request.query = target.substr(mark + 1);
  for (size_t at = line_end + 2; at < head.size();) {
    const size_t end = head.find("\r\n", at);
    const auto header = head.substr(at, end - at);
    at = end + 2;
    const size_t colon = header.find(':');
    if (colon == std::string::npos) continue;
    auto name = header.substr(0, colon);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request.headers[name] = header.substr(std::min(header.find_first_not_of(' ', colon + 1), header.size()));
  }
  if (request.headers["expect"] == "100-continue" && !connection.send("HTTP/1.1 100 Continue\r\n\r\n")) return false;
  return read_body(connection, request);
}

/// `git http-backend` as a CGI program (RFC 3875): its output is read from the descriptor that is returned.
int start_backend(const std::filesystem::path& root, Request& request, pid_t& pid) {
  std::vector<std::string> environment = {"GIT_PROJECT_ROOT=" + root.string(),
                                          "GIT_HTTP_EXPORT_ALL=1",
                                          "REQUEST_METHOD=" + request.method,
                                          "PATH_INFO=" + request.path,
                                          "QUERY_STRING=" + request.query,
                                          "CONTENT_TYPE=" + request.headers["content-type"],
                                          "CONTENT_LENGTH=" + request.headers["content-length"],
                                          "HTTP_CONTENT_ENCODING=" + request.headers["content-encoding"],
                                          "GIT_PROTOCOL=" + request.headers["git-protocol"],
                                          "REMOTE_USER=pusher", // http-backend allows pushes to whoever has a name
                                          "REMOTE_ADDR=127.0.0.1",
                                          "GIT_CONFIG_NOSYSTEM=1",
                                          "GIT_CONFIG_COUNT=1",
                                          "GIT_CONFIG_KEY_0=safe.directory",
                                          "GIT_CONFIG_VALUE_0=*",
                                          std::string("PATH=") + (std::getenv("PATH") ? std::getenv("PATH") : "/usr/bin:/bin")};
  std::vector<char*> pointers;
  for (auto& line : environment) pointers.push_back(line.data());
  pointers.push_back(nullptr);
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) return -1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, request.body, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0); // what it complains about is in its answer
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  char* arguments[] = {const_cast<char*>("git"), const_cast<char*>("http-backend"), nullptr};
  const int error = posix_spawnp(&pid, "git", &actions, nullptr, arguments, pointers.data());
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  if (error == 0) return out[0];
  close(out[0]);
  return -1;
}

std::string chunk_of(std::string_view bytes) {
  char size[24];
  snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}

} // namespace

struct GitServer::Impl {
  Options options;
  int listener = -1;
  uint16_t port = 0;
  std::thread acceptor;
  std::mutex mutex;
  std::condition_variable changed;
  std::list<Connection*> open;    // under mutex
  std::list<std::thread> threads; // of the acceptor, then of the destructor
  std::atomic<unsigned> listings = 0, packs = 0;
  uint64_t stall_after = UINT64_MAX; // under mutex, as are the next three
  bool mute = false, stopping = false;
  unsigned stalled = 0;
  unsigned generation = 0; // behave() ends what hangs in an older one

  void accept_loop() {
    for (;;) {
      const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0 && errno == EINTR) continue;
      if (fd < 0) return;
      threads.emplace_back([this, fd] {
        Connection connection(fd);
        std::list<Connection*>::iterator at;
        {
          const std::lock_guard lock(mutex);
          if (stopping) return;
          at = open.insert(open.end(), &connection);
        }
        while (serve(connection)) {}
        const std::lock_guard lock(mutex);
        open.erase(at);
      });
    }
  }

  /// Hangs until behave() or the end; then the connection is of no use.
  void hang() {
    std::unique_lock lock(mutex);
    ++stalled;
    changed.notify_all();
    const unsigned mine = generation;
    changed.wait(lock, [&] { return stopping || generation != mine; });
  }

  bool answer(Connection& connection, const std::string& status, const std::string& headers = "") {
    return connection.send("HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: 0\r\n\r\n");
  }

  bool admitted(Request& request) {
    const auto given = request.headers["authorization"];
    if (!options.bearer.empty()) return given == "Bearer " + options.bearer;
    return options.password.empty() || given == "Basic " + base64(options.user + ":" + options.password);
  }

  /// One request; false when the connection is done.
  bool serve(Connection& connection) {
    Request request;
    if (!read_request(connection, request)) return false;
    bool silent;
    {
      const std::lock_guard lock(mutex);
      silent = mute;
    }
    if (silent) return hang(), false;
    if (!options.redirect.empty() && request.path.starts_with("/moved/"))
      return answer(connection, "302 Found",
                    "Location: " + options.redirect + request.path.substr(7) +
                        (request.query.empty() ? "" : "?" + request.query) + "\r\n");
    if (!admitted(request)) return answer(connection, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"git\"\r\n");
    const bool pack = request.path.ends_with("/git-upload-pack");
    if (request.path.ends_with("/info/refs")) ++listings;
    if (pack) ++packs;
    pid_t pid = -1;
    const int out = start_backend(options.root, request, pid);
    if (out < 0) return answer(connection, "500 Internal Server Error");
    const bool keep = relay(connection, out, pack);
    close(out);
    if (!keep) kill(pid, SIGKILL);
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
    return keep;
  }

  bool relay(Connection& connection, int out, bool pack) {
    std::string head;
    char buffer[16384];
    uint64_t sent = 0;
    bool headers_sent = false;
    for (;;) {
      const ssize_t count = ::read(out, buffer, sizeof buffer);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      std::string_view body(buffer, static_cast<size_t>(count));
      if (!headers_sent) {
        head += body;
        const size_t end = head.find("\r\n\r\n");
        if (end == std::string::npos) continue;
        std::string status = "200 OK", headers;
        for (size_t at = 0; at < end + 2;) {
          const size_t line_end = head.find("\r\n", at);
          const auto line = head.substr(at, line_end - at);
          if (line.starts_with("Status: "))
            status = line.substr(8);
          else
            headers += line + "\r\n";
          at = line_end + 2;
        }
        if (!connection.send("HTTP/1.1 " + status + "\r\n" + headers + "Transfer-Encoding: chunked\r\n\r\n")) return false;
        headers_sent = true;
        body = std::string_view(head).substr(end + 4);
      }
      uint64_t limit;
      {
        const std::lock_guard lock(mutex);
        limit = pack ? stall_after : UINT64_MAX;
      }
      const size_t part = std::min<uint64_t>(body.size(), limit - std::min(limit, sent));
      if (part != 0 && !connection.send(chunk_of(body.substr(0, part)))) return false;
      sent += part;
      if (part < body.size()) return hang(), false;
    }
    if (!headers_sent) return answer(connection, "500 Internal Server Error");
    return connection.send("0\r\n\r\n");
  }
};

GitServer::GitServer(Options options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
  impl_->options.root = std::filesystem::absolute(impl_->options.root);
  impl_->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(impl_->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(impl_->options.port);
  socklen_t size = sizeof address;
  if (bind(impl_->listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(impl_->listener, 128) != 0 ||
      getsockname(impl_->listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error(std::string("git server: cannot listen: ") + strerror(errno));
  impl_->port = ntohs(address.sin_port);
  impl_->acceptor = std::thread([impl = impl_.get()] { impl->accept_loop(); });
}

GitServer::~GitServer() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    for (auto* connection : impl_->open) connection->cut();
  }
  impl_->changed.notify_all();
  shutdown(impl_->listener, SHUT_RDWR);
  impl_->acceptor.join();
  for (auto& thread : impl_->threads) thread.join();
  close(impl_->listener);
}

uint16_t GitServer::port() const { return impl_->port; }
std::string GitServer::url(const std::string& repository) const {
  return "http://127.0.0.1:" + std::to_string(impl_->port) + "/" + repository;
}
unsigned GitServer::listings() const { return impl_->listings; }
unsigned GitServer::packs() const { return impl_->packs; }

void GitServer::stall_packs_after(uint64_t bytes) {
  const std::lock_guard lock(impl_->mutex);
  impl_->stall_after = bytes;
}

void GitServer::be_mute() {
  const std::lock_guard lock(impl_->mutex);
  impl_->mute = true;
}

void GitServer::wait_until_stalled() {
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait(lock, [&] { return impl_->stalled != 0; });
}

void GitServer::behave() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stall_after = UINT64_MAX;
    impl_->mute = false;
    impl_->stalled = 0;
    ++impl_->generation;
  }
  impl_->changed.notify_all();
}

} // namespace gitsync::test

#ifdef GITSYNC_GIT_SERVER_MAIN
/// git-server ROOT [PORT]: prints its port, serves until SIGTERM or SIGINT.
int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: git-server ROOT [PORT]\n";
    return 2;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const gitsync::test::GitServer server(
      {.root = argv[1], .port = static_cast<uint16_t>(argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0)});
  std::cout << server.port() << std::endl;
  int signal = 0;
  sigwait(&signals, &signal);
}
#endif
