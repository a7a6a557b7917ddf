// Messages over a byte stream: four bytes of length (big endian), then that many bytes. What the operator and its worker
// processes speak.
#pragma once
#include "base/error.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gitsync {

/// The largest message that either side takes: the JSON of one manifest file at its budget (object/decode.h) with room to
/// spare.
constexpr size_t max_frame_bytes = 96u << 20;

/// Appends one message to `out`. The payload is at most max_frame_bytes long: who makes it checks.
void append_frame(std::string& out, std::string_view payload);

/// Cuts a byte stream into messages. Pure: bytes in, messages out. Memory is bounded by the limit and one feed.
class FrameParser {
public:
  explicit FrameParser(size_t limit = max_frame_bytes) : limit_(limit) {}

  void feed(std::string_view bytes);
  /// The next whole message, valid until the next feed(); nothing where more bytes are needed. A message beyond the limit is an
  /// error (WorkerDied): the stream cannot be used any more.
  Result<std::optional<std::string_view>> next();
  /// Whether a message has begun and not ended.
  bool partial() const { return at_ < buffer_.size(); }

private:
  size_t limit_;
  size_t at_ = 0;
  std::string buffer_;
};

/// A worker's blocking end of the stream: one thread reads requests and writes answers. Answers are gathered to save system
/// calls and leave with flush(), or when enough have been gathered.
class FrameChannel {
public:
  FrameChannel(int in, int out, size_t limit = max_frame_bytes) : in_(in), out_(out), parser_(limit) {}

  /// Whether a message, or the end of the stream, can be read within this time: when not, there is time to tidy up.
  bool readable(std::chrono::milliseconds within) const;
  /// Waits for the next message (valid until the next read); nothing at the end of the stream.
  Result<std::optional<std::string_view>> read();
  Result<> write(std::string_view payload);
  Result<> flush();

private:
  int in_;
  int out_;
  FrameParser parser_;
  std::string pending_;
};

} // namespace gitsync
