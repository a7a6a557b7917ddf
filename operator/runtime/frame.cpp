#include "runtime/frame.h"

#include "base/text.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <poll.h>
#include <unistd.h>

namespace gitsync {
namespace {

constexpr size_t header_bytes = 4;
constexpr size_t chunk_bytes = 64u << 10;
constexpr size_t keep_bytes = 256u << 10; // a buffer that grew beyond this is given back once it is empty

size_t length_at(std::string_view bytes) {
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(bytes[i])); };
  return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}

} // namespace

void append_frame(std::string& out, std::string_view payload) {
  const auto size = static_cast<uint32_t>(payload.size());
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(size >> shift & 0xff);
  out += payload;
}

void FrameParser::feed(std::string_view bytes) {
  if (at_ == buffer_.size()) {
    if (buffer_.capacity() > keep_bytes) buffer_ = std::string();
    buffer_.clear();
    at_ = 0;
  } else if (at_ > buffer_.size() / 2) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  buffer_ += bytes;
}

Result<std::optional<std::string_view>> FrameParser::next() {
  const std::string_view rest = std::string_view(buffer_).substr(at_);
  if (rest.size() < header_bytes) return std::nullopt;
  const size_t size = length_at(rest);
  if (size > limit_) return fail(Code::WorkerDied, cat("a message of ", size, " bytes is beyond the limit of ", limit_));
  if (rest.size() < header_bytes + size) return std::nullopt;
  at_ += header_bytes + size;
  return rest.substr(header_bytes, size);
}

bool FrameChannel::readable(std::chrono::milliseconds within) const {
  if (parser_.partial()) return true;
  pollfd input{in_, POLLIN, 0};
  return poll(&input, 1, static_cast<int>(within.count())) != 0;
}

Result<std::optional<std::string_view>> FrameChannel::read() {
  char chunk[chunk_bytes];
  for (;;) {
    auto message = parser_.next();
    if (!message || *message) return message;
    const ssize_t count = ::read(in_, chunk, sizeof chunk);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(Code::WorkerDied, cat("reading a request: ", strerror(errno)));
    if (count == 0) {
      if (parser_.partial()) return fail(Code::WorkerDied, "reading a request: the stream ended inside a message");
      return std::nullopt;
    }
    parser_.feed({chunk, static_cast<size_t>(count)});
  }
}

Result<> FrameChannel::write(std::string_view payload) {
  append_frame(pending_, payload);
  return pending_.size() < chunk_bytes ? Result<>{} : flush();
}

Result<> FrameChannel::flush() {
  size_t at = 0;
  while (at < pending_.size()) {
    const ssize_t count = ::write(out_, pending_.data() + at, pending_.size() - at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(Code::WorkerDied, cat("writing an answer: ", strerror(errno)));
    at += static_cast<size_t>(count);
  }
  if (pending_.capacity() > keep_bytes) pending_ = std::string();
  pending_.clear();
  return {};
}

} // namespace gitsync
