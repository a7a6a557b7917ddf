// One exchange: a curl easy handle, what goes out and what comes in.
#pragma once
#include "http/client.h"
#include "runtime/event.h"

#include <curl/curl.h>

namespace gitsync::http {

/// Control thread only; lives in the coroutine that waits for it, while curl holds pointers into it.
class Transfer {
public:
  Transfer(const asio::any_io_executor& executor, Request request, std::function<bool(std::string_view)> sink, bool stream,
           CURL* handle);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer();

  /// curl is done with it: keeps the outcome and wakes the waiter.
  void finish(CURLcode code);
  /// The answer, or why there is none. Once.
  Result<Response> result();

  CURL* const easy;
  Event done;

private:
  static size_t on_data(char* data, size_t size, size_t count, void* self);
  static size_t on_header(char* data, size_t size, size_t count, void* self);
  bool receive(std::string_view data);
  void keep(std::string_view line);

  Request request_;
  std::function<bool(std::string_view)> sink_;
  Response response_;
  curl_slist* headers_ = nullptr;
  CURLcode code_ = CURLE_OK;
  bool too_large_ = false, sink_ended_ = false;
  char error_[CURL_ERROR_SIZE] = "";
};

} // namespace gitsync::http
