#include "server/listen_address.h"

#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::server;

TEST_CASE("listen address: what is understood", "[server]") {
  struct Case {
    std::string text, host;
    uint16_t port;
    bool any;
  };
  const auto row = GENERATE(values<Case>({
      {":8080", "0.0.0.0", 8080, true},
      {"127.0.0.1:0", "127.0.0.1", 0, false},
      {"localhost:65535", "127.0.0.1", 65535, false},
      {"[::1]:80", "::1", 80, false},
      {"0.0.0.0:1", "0.0.0.0", 1, false},
  }));
  INFO(row.text);
  const auto address = parse_listen_address(row.text);
  REQUIRE(address);
  CHECK(address->host.to_string() == row.host);
  CHECK(address->port == row.port);
  CHECK(address->any == row.any);
}

TEST_CASE("listen address: what is refused, with the text and what to write", "[server]") {
  const std::string text = GENERATE("", "8080", "127.0.0.1", "127.0.0.1:", ":65536", ":-1", ":+1", ":80x", ": 80", "::1:80",
                                    "[::1]", "[127.0.0.1]:80", "example.com:80", "[]:80", "1.2.3:80", "localhost:http");
  INFO(text);
  const auto address = parse_listen_address(text);
  REQUIRE_FALSE(address);
  CHECK(address.error().code == Code::InvalidArgument);
  CHECK(address.error().message.starts_with("listen address \"" + text + "\": "));
  CHECK(address.error().message.find("host:port") != std::string::npos);
}
