// The git worker's main loop: one job at a time, read from standard input, answered on standard output.
#include "git_worker/worker.h"

#include "base/text.h"
#include "git/client.h"
#include "git/protocol.h"
#include "git_worker/fetch.h"
#include "git_worker/history.h"
#include "git_worker/libgit.h"
#include "git_worker/mirror.h"
#include "git_worker/proof.h"
#include "git_worker/read.h"
#include "git_worker/trees.h"
#include "runtime/frame.h"
#include "runtime/memory.h"

#include <csignal>
#include <cstdlib>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace gitsync::git {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

// A worker without a job for this long gives back what makes the next one fast: open mirrors and freed memory.
constexpr std::chrono::milliseconds idle_after{500};
// So does one that has just read or fetched a lot.
constexpr size_t many_files = 200;

void limit(__rlimit_resource resource, rlim_t value) {
  const rlimit both{value, value};
  setrlimit(resource, &both);
}

/// Before the first message: what does not depend on it.
void confine() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_CORE, 0);
  std::signal(SIGPIPE, SIG_IGN); // a write to an operator that is gone is an error, not a death
  std::signal(SIGXFSZ, SIG_IGN); // so is a file beyond RLIMIT_FSIZE
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TRIM_THRESHOLD, 256 << 10);
  mallopt(M_MMAP_THRESHOLD, 128 << 10); // fixed: large blocks go back to the system at once
}

class Worker {
public:
  explicit Worker(FrameChannel& channel) : channel_(channel) {}

  /// An error ends the process: the stream is broken.
  Result<> run(const Job& job) {
    if (const auto* start = std::get_if<StartJob>(&job)) return begin(*start);
    bool large = false;
    if (const auto* fetch = std::get_if<FetchJob>(&job)) large = fetch_one(*fetch);
    if (const auto* read = std::get_if<ReadJob>(&job)) large = read_one(*read);
    if (const auto* compared = std::get_if<TreesJob>(&job)) compare_trees(*compared);
    if (const auto* history = std::get_if<HistoryJob>(&job)) find_change(*history);
    if (const auto* wanted = std::get_if<ProofJob>(&job)) prove(*wanted);
    auto flushed = channel_.flush();
    // After the answer: nobody waits for it.
    if (large)
      slim();
    else if (std::exchange(first_, false))
      give_back_memory();
    return flushed;
  }

  void slim() {
    mirrors_.close_all();
    give_back_memory();
  }

private:
  Result<> begin(const StartJob& start) {
    if (!sanitized && start.memory != 0) limit(RLIMIT_DATA, start.memory); // sanitizers' shadows count as data
    if (start.file_size != 0) limit(RLIMIT_FSIZE, start.file_size);
    home_ = start.home;
    setenv("HOME", home_.c_str(), 1); // libgit2 looks for known_hosts there; nothing else is in it
    return init_libgit2();
  }

  bool fetch_one(const FetchJob& job) {
    const auto packs = count_packs(job.mirror);
    auto fetched = fetch(mirrors_, job, home_);
    answer(fetched ? Answer(std::move(*fetched)) : Answer(std::move(fetched.error())));
    return packs == 0;
  }

  bool read_one(const ReadJob& job) {
    size_t files = 0;
    auto result = read(mirrors_, job, [&](std::string_view message) {
      ++files;
      return channel_.write(message);
    });
    answer(result ? Answer(std::move(*result)) : Answer(std::move(result.error())));
    return files > many_files;
  }

  void compare_trees(const TreesJob& job) {
    auto found = trees(mirrors_, job);
    answer(found ? Answer(std::move(*found)) : Answer(std::move(found.error())));
  }

  void find_change(const HistoryJob& job) {
    auto change = last_change(mirrors_, job);
    answer(change ? Answer(std::move(*change)) : Answer(std::move(change.error())));
  }

  void prove(const ProofJob& job) {
    auto found = proof(mirrors_, job);
    answer(found ? Answer(std::move(*found)) : Answer(std::move(found.error())));
  }

  void answer(Answer value) { std::ignore = channel_.write(encode(std::move(value))); } // a broken stream shows in flush()

  FrameChannel& channel_;
  Mirrors mirrors_;
  std::filesystem::path home_;
  bool first_ = true;
};

} // namespace

int worker_main() {
  const pid_t parent = getppid();
  confine();
  if (getppid() != parent) return 1; // the operator died before PR_SET_PDEATHSIG
  FrameChannel channel(STDIN_FILENO, STDOUT_FILENO);
  Worker worker(channel);
  for (;;) {
    if (!channel.readable(idle_after)) worker.slim();
    const auto message = channel.read();
    if (!message) return 1;
    if (!*message) return 0;
    const auto job = decode_job(**message);
    if (!job) return 1;
    if (!worker.run(*job)) return 1;
  }
}

} // namespace gitsync::git
