// A git server over smart HTTP for tests and the demo: `git http-backend` behind a small CGI server on a free loopback port.
// Fetches and pushes work. Can be told to misbehave.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace gitsync::test {

/// Serves every repository below a directory until it is destroyed. Any thread; the server has threads of its own.
class GitServer {
public:
  struct Options {
    std::filesystem::path root;
    uint16_t port = 0;          // 0: a free one
    std::string user, password; // required of clients where set (basic authentication)
    std::string bearer;         // required of clients where set
    std::string redirect;       // where set, "/moved/<x>" is answered with a redirect to this and <x>
  };
  explicit GitServer(Options options);
  ~GitServer();

  uint16_t port() const;
  /// "http://127.0.0.1:<port>/<repository>"
  std::string url(const std::string& repository) const;

  /// Requests served: ref listings, and packs sent.
  unsigned listings() const;
  unsigned packs() const;

  /// From now on a pack stops after this many bytes, without an end.
  void stall_packs_after(uint64_t bytes);
  /// From now on requests are read and never answered.
  void be_mute();
  /// Waits until a request hangs because of one of the two above.
  void wait_until_stalled();
  /// Ends the misbehaviour; requests that hang are cut off.
  void behave();

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace gitsync::test
