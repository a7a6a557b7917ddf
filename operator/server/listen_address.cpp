#include "server/listen_address.h"

#include "base/text.h"

#include <charconv>

namespace gitsync::server {

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(Code::InvalidArgument,
                cat("listen address \"", text, "\": ", why, "; write host:port, such as 127.0.0.1:8080 or :8080"));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad("the port is missing");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  ListenAddress address;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
    return bad("the port is not a number up to 65535");
  if (host.empty()) {
    address.any = true;
    return address;
  }
  if (host == "localhost") host = "127.0.0.1";
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  boost::system::error_code wrong;
  address.host = boost::asio::ip::make_address(std::string(host), wrong);
  if (wrong) return bad("the host is neither an IP address nor localhost");
  if (address.host.is_v6() != bracketed) return bad("an IPv6 address stands in [brackets], an IPv4 address without");
  return address;
}

} // namespace gitsync::server
