#include "git/url.h"

#include "base/text.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::git;

TEST_CASE("a URL says transport, user, host and port", "[git]") {
  struct Case {
    const char* text;
    Transport transport;
    const char* user;
    const char* host;
    uint16_t port;
  };
  for (const auto& c :
       {Case{"https://git.example.com/a/b.git", Transport::Https, "", "git.example.com", 443},
        Case{"https://u:p@git.example.com:8443/a", Transport::Https, "u", "git.example.com", 8443},
        Case{"http://[::1]:80/a", Transport::Http, "", "::1", 80}, Case{"ssh://git@h/a", Transport::Ssh, "git", "h", 22},
        Case{"ssh://git@h:2222/a", Transport::Ssh, "git", "h", 2222}, Case{"git@h:a/b.git", Transport::Ssh, "git", "h", 22},
        Case{"file:///srv/a.git", Transport::File, "", "", 0}}) {
    CAPTURE(c.text);
    const auto url = parse_url(c.text);
    REQUIRE(url);
    CHECK(url->transport == c.transport);
    CHECK(url->user == c.user);
    CHECK(url->host == c.host);
    CHECK(url->port == c.port);
  }
}

TEST_CASE("URLs that are refused", "[git]") {
  for (const char* text : {"", "/srv/a.git", "a.git", "file://host/a", "git://h/a", "ext::sh -c id", "https://", "https:///a",
                           "https://h:0/a", "https://h:99999/a", "https://h:x/a", "https://h/a b", "https://h/a\nb",
                           "ssh://-oProxyCommand=id/a", "-x@h:a", "ssh://-x@h/a", "ftp://h/a", "host:a", "https://[::1/a"}) {
    CAPTURE(text);
    const auto url = parse_url(text);
    REQUIRE_FALSE(url);
    CHECK(url.error().code == Code::InvalidSpec);
    CHECK(url.error().message.starts_with("url"));
  }
}

TEST_CASE("messages show a URL without its secrets", "[git]") {
  CHECK(display_url("https://u:p4ssw0rd@h/a?token=x#y").find("p4ssw0rd") == std::string::npos);
  CHECK(display_url("https://h/a?token=x").find("token") == std::string::npos);
  CHECK(display_url("https://h/a") == "https://h/a");
  CHECK(mirror_name("https://h/a").size() == 32);
  CHECK(mirror_name("https://h/a") != mirror_name("https://h/b"));
}
