#include "http/client.h"

#include "base/text.h"
#include "http/transfer.h"
#include "runtime/event.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <unordered_map>

namespace gitsync::http {
namespace {

/// curl's global state, once a process.
void init_curl() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) throw std::runtime_error("libcurl cannot start");
}

/// One CURLM whose sockets and timer are watched by Asio (curl's "multi socket" interface).
class Multi {
public:
  explicit Multi(asio::any_io_executor executor)
      : executor_(std::move(executor)), timer_(executor_), multi_(curl_multi_init()) {
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Multi::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Multi::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(multi_, CURLMOPT_MAX_CONCURRENT_STREAMS, 100L);
  }
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;
  ~Multi() {
    closing_ = true;
    timer_.cancel();
    curl_multi_cleanup(multi_);
    for (auto& [fd, watch] : sockets_) watch->descriptor.release();
  }

  void add(Transfer& transfer) {
    curl_easy_setopt(transfer.easy, CURLOPT_PRIVATE, &transfer);
    curl_multi_add_handle(multi_, transfer.easy);
  }
  void remove(Transfer& transfer) { curl_multi_remove_handle(multi_, transfer.easy); }

private:
  struct Watch : std::enable_shared_from_this<Watch> {
    explicit Watch(const asio::any_io_executor& executor, curl_socket_t fd) : descriptor(executor, fd) {}
    asio::posix::stream_descriptor descriptor;
    int wanted = 0;
    bool reading = false, writing = false, gone = false;
  };

  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
    static_cast<Multi*>(self)->socket_wants(fd, what);
    return 0;
  }

  void socket_wants(curl_socket_t fd, int what) {
    auto it = sockets_.find(fd);
    if (what == CURL_POLL_REMOVE) {
      if (it == sockets_.end()) return;
      it->second->gone = true;
      it->second->descriptor.release(); // curl closes it; pending waits end with operation_aborted
      sockets_.erase(it);
      return;
    }
    if (it == sockets_.end()) it = sockets_.emplace(fd, std::make_shared<Watch>(executor_, fd)).first;
    it->second->wanted = what;
    arm(fd, it->second);
  }

  void arm(curl_socket_t fd, const std::shared_ptr<Watch>& watch) {
    if ((watch->wanted & CURL_POLL_IN) && !watch->reading) {
      watch->reading = true;
      watch->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                   [this, fd, watch](boost::system::error_code error) {
                                     watch->reading = false;
                                     ready(fd, watch, CURL_CSELECT_IN, error);
                                   });
    }
    if ((watch->wanted & CURL_POLL_OUT) && !watch->writing) {
      watch->writing = true;
      watch->descriptor.async_wait(asio::posix::stream_descriptor::wait_write,
                                   [this, fd, watch](boost::system::error_code error) {
                                     watch->writing = false;
                                     ready(fd, watch, CURL_CSELECT_OUT, error);
                                   });
    }
  }

  void ready(curl_socket_t fd, const std::shared_ptr<Watch>& watch, int event, boost::system::error_code error) {
    if (watch->gone || error == asio::error::operation_aborted) return;                       // `this` may be gone too
    if (!(watch->wanted & (event == CURL_CSELECT_IN ? CURL_POLL_IN : CURL_POLL_OUT))) return; // no longer wanted
    act(fd, error ? CURL_CSELECT_ERR : event);
    if (!watch->gone) arm(fd, watch);
  }

  static int on_timer(CURLM*, long milliseconds, void* self) {
    static_cast<Multi*>(self)->set_timer(milliseconds);
    return 0;
  }

  void set_timer(long milliseconds) {
    if (closing_) return;
    timer_.cancel();
    if (milliseconds < 0) return;
    timer_.expires_after(std::chrono::milliseconds(milliseconds));
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error) act(CURL_SOCKET_TIMEOUT, 0);
    });
  }

  void act(curl_socket_t fd, int event) {
    int running = 0;
    curl_multi_socket_action(multi_, fd, event, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      transfer->finish(message->data.result);
    }
  }

  asio::any_io_executor executor_;
  asio::steady_timer timer_;
  CURLM* multi_;
  std::unordered_map<curl_socket_t, std::shared_ptr<Watch>> sockets_;
  bool closing_ = false;
};

} // namespace

struct Client::Impl {
  explicit Impl(const asio::any_io_executor& e) : executor(e), requests(e), streams(e) {}

  Task<Result<Response>> run(Multi& multi, Request request, std::function<bool(std::string_view)> sink, bool stream) {
    Transfer transfer(executor, std::move(request), std::move(sink), stream, take_easy());
    struct Added { // leaves the multi however this coroutine ends, also when it is destroyed while it waits
      Impl& impl;
      Multi& multi;
      Transfer& transfer;
      ~Added() {
        multi.remove(transfer);
        impl.give_back(transfer.easy);
      }
    } added{*this, multi, transfer};
    multi.add(transfer);
    if (!co_await transfer.done.wait()) co_return fail(Code::Cancelled, "request cancelled", Retry::Never);
    co_return transfer.result();
  }

  /// Easy handles are reused: making one costs more than a small request.
  CURL* take_easy() {
    if (idle.empty()) return curl_easy_init();
    CURL* easy = idle.back();
    idle.pop_back();
    return easy;
  }
  void give_back(CURL* easy) {
    if (idle.size() < 8) {
      curl_easy_reset(easy);
      idle.push_back(easy);
    } else {
      curl_easy_cleanup(easy);
    }
  }
  ~Impl() {
    for (CURL* easy : idle) curl_easy_cleanup(easy);
  }

  asio::any_io_executor executor;
  Multi requests, streams;
  std::vector<CURL*> idle;
};

Client::Client(asio::any_io_executor executor) {
  init_curl();
  impl_ = std::make_unique<Impl>(executor);
}
Client::~Client() = default;

std::string_view Response::header(std::string_view name) const {
  const auto it = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return it == headers.end() ? std::string_view() : std::string_view(it->second);
}

Task<Result<Response>> Client::send(Request request) { return impl_->run(impl_->requests, std::move(request), {}, false); }

Task<Result<Response>> Client::stream(Request request, std::function<bool(std::string_view)> sink) {
  return impl_->run(impl_->streams, std::move(request), std::move(sink), true);
}

} // namespace gitsync::http
