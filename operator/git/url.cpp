#include "git/url.h"

#include "base/hash.h"
#include "base/secret.h"
#include "base/text.h"

#include <algorithm>
#include <charconv>

namespace gitsync::git {
namespace {

struct Scheme {
  std::string_view prefix;
  Transport transport;
  uint16_t port;
};
constexpr Scheme schemes[] = {{"https://", Transport::Https, 443},
                              {"http://", Transport::Http, 80},
                              {"ssh://", Transport::Ssh, 22},
                              {"git+ssh://", Transport::Ssh, 22},
                              {"file://", Transport::File, 0}};

std::unexpected<Error> invalid(std::string_view text, std::string_view why) {
  return fail(Code::InvalidSpec, cat("url ", display_url(text), ": ", why));
}

Result<Url> check(std::string_view text, Url url) {
  if (url.host.empty()) return invalid(text, "has no host");
  if (url.host.front() == '-' || (!url.user.empty() && url.user.front() == '-'))
    return invalid(text, "user and host must not begin with \"-\"");
  return url;
}

/// host, host:port, [v6], [v6]:port
bool split_host(std::string_view authority, Url& url) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == std::string_view::npos) return false;
    url.host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
    if (!port.empty() && port.front() != ':') return false;
  } else {
    const size_t colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (port.size() < 2) return true;
  const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), url.port);
  return error == std::errc() && end == port.data() + port.size() && url.port != 0;
}

} // namespace

Result<Url> parse_url(std::string_view text) {
  if (text.empty()) return fail(Code::InvalidSpec, "url: is empty");
  if (text.size() > 2048) return invalid(text, "is longer than 2048 bytes");
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }))
    return invalid(text, "has a space or a control character");
  for (const auto& scheme : schemes) {
    if (!text.starts_with(scheme.prefix)) continue;
    Url url{.transport = scheme.transport, .port = scheme.port};
    std::string_view rest = text.substr(scheme.prefix.size());
    if (scheme.transport == Transport::File) {
      if (!rest.starts_with('/')) return invalid(text, "a file URL is file:/// and an absolute path");
      return url;
    }
    rest = rest.substr(0, rest.find_first_of("/?#"));
    if (const size_t at = rest.rfind('@'); at != std::string_view::npos) {
      const std::string_view userinfo = rest.substr(0, at);
      url.user = userinfo.substr(0, userinfo.find(':'));
      url.password = userinfo.find(':') != std::string_view::npos;
      rest.remove_prefix(at + 1);
    }
    if (!split_host(rest, url)) return invalid(text, "has an invalid host or port");
    return check(text, std::move(url));
  }
  const size_t at = text.find('@'), colon = text.find(':');
  if (at != std::string_view::npos && colon != std::string_view::npos && at < colon &&
      text.find("://") == std::string_view::npos && text.find('/') > colon)
    return check(text, Url{.transport = Transport::Ssh,
                           .user = std::string(text.substr(0, at)),
                           .host = std::string(text.substr(at + 1, colon - at - 1)),
                           .port = 22});
  return invalid(text, "is none of https://, http://, ssh://, user@host:path and file:///");
}

std::filesystem::path file_path(std::string_view url) {
  std::string path;
  url.remove_prefix(std::min(url.size(), std::string_view("file://").size()));
  for (size_t i = 0; i < url.size(); ++i) {
    unsigned char byte = 0;
    if (url[i] == '%' && i + 2 < url.size() &&
        std::from_chars(url.data() + i + 1, url.data() + i + 3, byte, 16).ptr == url.data() + i + 3) {
      path += static_cast<char>(byte);
      i += 2;
    } else {
      path += url[i];
    }
  }
  std::error_code ignored;
  return std::filesystem::weakly_canonical(path, ignored);
}

std::string mirror_name(std::string_view url) { return sha256_hex(url).substr(0, 32); }

std::string display_url(std::string_view url) { return shorten(redact(url.substr(0, url.find_first_of("?#"))), 256); }

} // namespace gitsync::git
