#include "runtime/frame.h"

#include "support/catch.h"

#include <random>
#include <thread>
#include <unistd.h>

using namespace gitsync;

TEST_CASE("frames come out as they went in, however the stream is cut", "[runtime]") {
  const auto seed = GENERATE(range(0u, 20u));
  std::mt19937 random(seed);
  std::vector<std::string> sent, received;
  std::string stream;
  for (unsigned i = random() % 20; i != 0; --i) {
    std::string payload(random() % (i == 7 ? 500'000 : 300), '\0');
    for (auto& c : payload) c = static_cast<char>(random());
    append_frame(stream, payload);
    sent.push_back(std::move(payload));
  }
  FrameParser parser;
  const auto take = [&] {
    for (;;) {
      const auto message = parser.next();
      REQUIRE(message);
      if (!*message) break;
      received.emplace_back(**message);
    }
  };
  for (size_t at = 0; at < stream.size();) {
    const size_t part = std::min<size_t>(stream.size() - at, random() % (random() % 4 == 0 ? 100'000 : 7));
    parser.feed(std::string_view(stream).substr(at, part));
    at += part;
    take();
  }
  CHECK(received == sent);
  CHECK_FALSE(parser.partial());
}

TEST_CASE("a frame beyond the limit is refused before it is read", "[runtime]") {
  FrameParser parser(10);
  std::string stream;
  append_frame(stream, "0123456789");
  parser.feed(stream);
  REQUIRE(parser.next());
  parser.feed(std::string_view("\0\0\0\x0b", 4));
  CHECK_FALSE(parser.next());
  FrameParser large;
  large.feed("\xff\xff\xff\xff");
  CHECK_FALSE(large.next());
}

TEST_CASE("a channel tells a clean end from a torn one", "[runtime]") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  FrameChannel writer(-1, ends[1]), reader(ends[0], -1);
  REQUIRE(writer.write("one"));
  REQUIRE(writer.write(""));
  REQUIRE(writer.flush());
  CHECK(**reader.read() == "one");
  CHECK(**reader.read() == "");
  const bool torn = GENERATE(false, true);
  if (torn) REQUIRE(::write(ends[1], "\0\0\0\x05xy", 6) == 6);
  close(ends[1]);
  const auto last = reader.read();
  if (torn)
    CHECK_FALSE(last);
  else
    CHECK((last && !*last));
  close(ends[0]);
}
