// The value of a flag such as --metrics-address.
#pragma once
#include "base/error.h"

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <string_view>

namespace gitsync::server {

/// What stands in a --…-address flag.
struct ListenAddress {
  boost::asio::ip::address host;
  uint16_t port = 0;
  bool any = false; // no host was given: all addresses, IPv6 and IPv4
};
/// "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" (all addresses); port 0 is a free one. Host names other than
/// localhost are refused, since looking them up could block. Pure. Errors: InvalidArgument.
Result<ListenAddress> parse_listen_address(std::string_view text);

} // namespace gitsync::server
